"""Fetching from a registry over HTTP, and handing in. Fails closed: whatever goes wrong is an ``UnreachableError``.

Nothing fetched is believed here; ``snapshot``, ``bucket`` and ``verify`` do the checking.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urljoin, urlsplit

import httpx2
from msgspec import Meta

from priorconsent import bounded, canonical
from priorconsent.bucket import MAX_BUCKET_BYTES
from priorconsent.errors import MalformedError, NotTrustedError, RuleError, UnreachableError
from priorconsent.files import draft_of, whole_file
from priorconsent.log.note import MAX_NOTE_BYTES
from priorconsent.records import Count, Record, convert

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 30
# Also against a server that sends a byte a minute.
MAX_REQUEST_S = 60
MAX_DOWNLOAD_S = 6 * 3600
MAX_REDIRECTS = 3
MAX_POINTER_BYTES = 4096
MAX_BLOB_BYTES = 1 << 20
MAX_BUNDLE_BYTES = 64 << 20
MAX_SNAPSHOT_BYTES = 64 << 30


# What stays refused however often it is tried. Not 408, 409, 425 and 429: another time it may be taken.
_REFUSALS = frozenset({400, 401, 403, 404, 405, 411, 413, 415, 422, 501})

Progress = Callable[[int, int | None], None]  # bytes so far, bytes in all if known


class Latest(Record, frozen=True):
    """Where the newest snapshot is."""

    size: Count
    file: Annotated[str, Meta(pattern=r"^[0-9]{1,16}\.sqlite$(?!\n)")]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]


class RefusedError(RuleError):
    """The registry will not take what was sent."""

    code = "refused"


class Registry:
    """A registry's public files, its buckets, and its doors for what parties hand in.

    Args:
        url: its base. Plain http only on this machine: elsewhere others would see what is asked.

    Raises:
        MalformedError: no such URL.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise MalformedError(f"not the base URL of a registry: {url[:100]!r}")
        local = parts.hostname in bounded.LOOPBACK
        if parts.scheme == "http" and not local:
            raise MalformedError("plain http shows others what you ask: use https")
        self._base = url.rstrip("/") + "/"
        self._client = bounded.client(connect_s=CONNECT_TIMEOUT_S, read_s=READ_TIMEOUT_S, local=local)

    def bucket(self, prefix: str) -> bytes:
        """The bucket of a prefix, unverified."""
        return self._get(f"api/v1/buckets/{prefix}", MAX_BUCKET_BYTES)

    def checkpoint(self) -> bytes:
        """The newest checkpoint, unverified."""
        return self._get("log/checkpoint", MAX_NOTE_BYTES)

    def log_file(self, path: str) -> bytes:
        """A tile or bundle of entries, unverified."""
        return self._get(f"log/{path}", MAX_BUNDLE_BYTES)

    def blob(self, digest: str) -> bytes:
        """An offer, grant token, keyset or rights table, unverified."""
        return self._get(f"blob/{digest.replace(':', '/')}", MAX_BLOB_BYTES)

    def evidence(self, digest: str) -> bytes:
        """A statement, key record or share-set document, unverified."""
        return self._get(f"evidence/{digest.replace(':', '/')}", MAX_BLOB_BYTES)

    def bundle(self, grant: str) -> bytes:
        """The evidence for one grant, unverified."""
        return self._get(f"api/v1/grants/{grant}/bundle", MAX_BUNDLE_BYTES)

    def fetch_snapshot(self, path: Path, verify: Callable[[Path], None], progress: Progress | None = None) -> None:
        """Download the newest snapshot.

        Args:
            path: replaced only after ``verify`` accepted the file.
            verify: raises if the file may not be used.
        """
        latest = self._latest()
        with whole_file(path) as draft:
            found = hashlib.sha256()
            written = 0
            for chunk, total in self._stream(f"snapshots/{latest.file}", MAX_SNAPSHOT_BYTES, MAX_DOWNLOAD_S):
                found.update(chunk)
                written += draft.write(chunk)
                if progress is not None:
                    progress(written, total)
            draft.flush()
            if found.hexdigest() != latest.sha256:
                raise UnreachableError("the snapshot did not arrive as announced; try again")
            verify(draft_of(draft))

    def post(self, path: str, body: bytes, media_type: str, *, api_key: str | None, max_bytes: int) -> bytes:
        """What the registry answers to a body, unverified.

        Args:
            api_key: ``pc_…``, if the act needs one.

        Raises:
            RefusedError: the registry will not take it; trying again is of no use.
            UnreachableError: it did not answer, or not now; whether it took the body is not known.
        """
        url = urljoin(self._base, path)
        headers = {"content-type": media_type} | ({"authorization": f"Bearer {api_key}"} if api_key else {})
        try:
            with self._client.stream("POST", url, MAX_REQUEST_S, content=body, headers=headers) as response:
                raw = b"".join(bounded.chunks(response, max_bytes))
        except bounded.FAILURES as error:
            raise UnreachableError(f"{url} did not answer: {type(error).__name__} {error}") from error
        if response.status_code in _REFUSALS:
            raise RefusedError(f"{url} refused ({response.status_code}): {_detail(raw)}")
        if not response.is_success:
            raise UnreachableError(f"{url} answered {response.status_code}: {_detail(raw)}")
        return raw

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _latest(self) -> Latest:
        raw = self._get("snapshots/latest.json", MAX_POINTER_BYTES)
        try:
            return convert(canonical.parse(raw), Latest)
        except MalformedError as error:
            raise NotTrustedError(f"{self._base}snapshots/latest.json points to no snapshot: {error}") from error

    def _get(self, path: str, max_bytes: int) -> bytes:
        return b"".join(chunk for chunk, _ in self._stream(path, max_bytes, MAX_REQUEST_S))

    def _stream(self, path: str, max_bytes: int, max_s: int) -> Iterator[tuple[bytes, int | None]]:
        """The chunks of a body, each with the length announced."""
        url = urljoin(self._base, path)
        try:
            for _ in range(MAX_REDIRECTS + 1):
                with self._client.stream("GET", url, max_s) as response:
                    if response.has_redirect_location:
                        url = self._redirected(url, response.headers["location"])
                        continue
                    yield from _body(response, url, max_bytes)
                    return
        except bounded.FAILURES as error:
            raise UnreachableError(f"{url} did not answer: {type(error).__name__} {error}") from error
        raise UnreachableError(f"{url}: more than {MAX_REDIRECTS} redirects")

    def _redirected(self, url: str, location: str) -> str:
        target = urljoin(url, location)
        if urlsplit(target)[:2] != urlsplit(self._base)[:2]:
            raise UnreachableError(f"{url} redirects to another host, which is not followed: {target[:200]}")
        return target


def _body(response: httpx2.Response, url: str, max_bytes: int) -> Iterator[tuple[bytes, int | None]]:
    if response.status_code != httpx2.codes.OK:
        raise UnreachableError(f"{url} answered {response.status_code}")
    announced = response.headers.get("content-length", "")
    total = int(announced) if announced.isdecimal() else None
    for chunk in bounded.chunks(response, max_bytes):
        yield chunk, total


def _detail(raw: bytes) -> str:
    """What a problem document says, as far as it is one."""
    try:
        told = canonical.parse(raw)
    except MalformedError:
        return "no reason given"
    told = told if isinstance(told, dict) else {}
    return " ".join(str(told[member]) for member in ("title", "detail") if member in told) or "no reason given"
