"""Reports to somebody's own server: each a POST of its JSON, again until it is taken."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

import httpx2

from priorconsent import bounded
from priorconsent.errors import MalformedError, UnreachableError
from priorconsent.monitor.reports import Report

CONNECT_TIMEOUT_S = 10
ANSWER_TIMEOUT_S = 15
POST_S = 30
CONNECTION_RETRIES = 3
JSON = {"content-type": "application/json"}


class Webhook:
    """Where reports are posted; closed after use. Redirects are not followed: reports go to this host alone.

    Args:
        url: https, or plain http to this machine.

    Raises:
        MalformedError: no such URL.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        local = parts.hostname in bounded.LOOPBACK
        if not parts.hostname or parts.scheme not in ({"http", "https"} if local else {"https"}):
            raise MalformedError(f"a webhook is an https URL: {url[:100]!r}")
        self._url = url
        patient = httpx2.HTTPTransport(retries=CONNECTION_RETRIES)
        self._client = bounded.client(
            connect_s=CONNECT_TIMEOUT_S, read_s=ANSWER_TIMEOUT_S, local=local, transport=patient
        )

    def post(self, report: Report) -> None:
        """Hand over one report.

        Raises:
            UnreachableError: it was not taken; try again later.
        """
        try:
            # Whatever it says, only its status is looked at.
            with self._client.stream("POST", self._url, POST_S, content=report.encode(), headers=JSON) as response:
                status = response.status_code
        except bounded.FAILURES as error:
            raise UnreachableError(f"the webhook did not answer: {type(error).__name__} {error}") from error
        if not httpx2.codes.is_success(status):
            raise UnreachableError(f"the webhook answered {status}")

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
