"""Every error as a problem document (RFC 9457), and the only place that turns errors into a status.

``type`` is ``urn:prior-consent:problem:<code>``: it names the problem, not this server, and so stays the same
when somebody else runs the registry.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework import exceptions as drf

from api.words import said
from priorconsent import canonical
from priorconsent.errors import MalformedError, NotAllowedError, NotTrustedError, PriorConsentError

MEDIA_TYPE: Final = "application/problem+json"
TYPE: Final = "urn:prior-consent:problem:"
# An error may quote what it stumbled over, never all of it.
MAX_DETAIL_CHARACTERS: Final = 500

RETRY_AFTER_S: Final = 5

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem.

    Args:
        en, ja: its title, the same at every occurrence.
    """

    status: int
    en: str
    ja: str

    def title(self) -> str:
        """The title in the language asked for, else in English."""
        return said((self.en, self.ja))


KINDS: Final = {
    "malformed": Kind(400, "The request is not well formed.", "リクエストの形式が正しくありません。"),
    "no_key": Kind(401, "An API key is needed.", "APIキーが必要です。"),
    "not_allowed": Kind(403, "This is not allowed.", "この操作は許可されていません。"),
    "bad_signature": Kind(403, "The signature does not verify.", "署名を検証できません。"),
    "bad_form_token": Kind(
        403, "The form is too old; load the page again.", "フォームの期限が切れました。再読み込みしてください。"
    ),
    "not_found": Kind(404, "There is no such thing here.", "該当するものはありません。"),
    "method_not_allowed": Kind(405, "This address does not take that method.", "このメソッドは使用できません。"),
    "conflict": Kind(409, "Something else happened meanwhile.", "その間に状態が変わりました。"),
    "length_required": Kind(411, "Say how long the body is.", "本文の長さを示してください。"),
    "too_large": Kind(413, "The request is too large.", "リクエストが大きすぎます。"),
    "unsupported_media_type": Kind(
        415, "This media type is not read here.", "このメディアタイプは受け付けられません。"
    ),
    "rule": Kind(422, "A rule of the registry forbids this.", "登録簿の規則により認められません。"),
    "not_grantable": Kind(422, "This cannot be granted as it stands.", "現状では許諾できません。"),
    "internal": Kind(500, "The server failed.", "サーバーで障害が発生しました。"),
    "not_available": Kind(501, "This is not available yet.", "この機能はまだ利用できません。"),
    "not_trusted": Kind(503, "The registry cannot vouch for an answer now.", "現在、登録簿は回答を保証できません。"),
    "cannot_sign": Kind(503, "The registry cannot sign now.", "現在、登録簿は署名できません。"),
    "stale_snapshot": Kind(503, "The data is too old to answer from.", "データが古いため回答できません。"),
    "unverified_snapshot": Kind(503, "The data could not be verified.", "データを検証できませんでした。"),
    "not_ready": Kind(503, "The server is not ready.", "サーバーの準備ができていません。"),
}


class TooLargeError(MalformedError):
    """More than is read at once."""

    code = "too_large"


class NoKeyError(NotAllowedError):
    """Nobody said who asks."""

    code = "no_key"


class NotReadyError(NotTrustedError):
    """It is being worked on; ask again."""

    code = "not_ready"


class UnverifiedError(NotTrustedError):
    """What is published could not be verified, so nothing is answered from it."""

    code = "unverified_snapshot"


def problem(code: str, detail: str = "", pointer: str = "", **members: Any) -> HttpResponse:
    """A problem as a response.

    Args:
        detail: what is wrong here, in English; empty leaves it out.
        pointer: JSON Pointer to the faulty member of the body; empty leaves it out.
        members: further members of the document.
    """
    kind = KINDS[code]
    told = {"detail": bounded(detail), "pointer": bounded(pointer), **members}
    body = {
        "type": TYPE + code,
        "title": kind.title(),
        "status": kind.status,
        **{name: value for name, value in told.items() if value not in ("", None)},
    }
    response = HttpResponse(canonical.encode(body), content_type=MEDIA_TYPE, status=kind.status)
    if kind.status == KINDS["no_key"].status:
        response.headers["WWW-Authenticate"] = "Bearer"
    if code == NotReadyError.code:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def code_of(error: PriorConsentError) -> str:
    """The code of an error, or of the nearest class above it that the table knows."""
    codes = [error.code, *(getattr(kind, "code", "") for kind in type(error).__mro__)]
    return next((code for code in codes if code in KINDS), "internal")


def of_error(error: PriorConsentError) -> HttpResponse:
    """One of our own errors as a problem."""
    code = code_of(error)
    if code == "internal":
        raise error
    reasons = [asdict(reason) for reason in getattr(error, "problems", ())]
    return problem(code, error.detail, error.pointer, problems=reasons or None)


def handle(error: Exception, _context: Any) -> HttpResponse | None:
    """What DRF asks when a view raises; ``None``: nobody expected this, so it is a 500."""
    if isinstance(error, PriorConsentError):
        return of_error(error)
    if isinstance(error, OperationalError) and _was_in_the_way(error):
        return problem(NotReadyError.code, "others were about the same; nothing was taken, ask again")
    for kind, code in _DRF:
        if isinstance(error, kind):
            return problem(code)
    return None


def _was_in_the_way(error: OperationalError) -> bool:
    """Whether the database broke this transaction off for the sake of another."""
    return getattr(error.__cause__, "sqlstate", None) in {"40001", "40P01"}


def bad_request(_request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler for what it finds suspicious."""
    return problem("too_large" if isinstance(exception, RequestDataTooBig) else "malformed")


def forbidden(_request: HttpRequest, exception: Exception | None = None, reason: str = "") -> HttpResponse:
    """Django's handlers for what is forbidden, and for forms without their token."""
    del exception
    return problem("bad_form_token" if reason else "not_allowed")


def not_found(_request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler for addresses that lead nowhere."""
    del exception
    return problem("not_found")


def server_error(_request: HttpRequest) -> HttpResponse:
    """Django's handler for errors that nobody expected. It tells nothing: the log does."""
    return problem("internal")


def answers(*methods: str) -> Callable[[View], View]:
    """Let a plain Django view answer these methods, and our own errors become problems."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def respond(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method not in methods:
                response = problem("method_not_allowed")
                response.headers["Allow"] = ", ".join(methods)
                return response
            try:
                return view(request, *args, **kwargs)
            except PriorConsentError as error:
                return of_error(error)

        return respond

    return decorate


_DRF: Final = (
    (Http404, "not_found"),
    (PermissionDenied, "not_allowed"),
    (drf.UnsupportedMediaType, "unsupported_media_type"),
    (drf.MethodNotAllowed, "method_not_allowed"),
    (drf.NotFound, "not_found"),
    (drf.PermissionDenied, "not_allowed"),
    (drf.NotAuthenticated, "no_key"),
    (drf.ParseError, "malformed"),
)


def bounded(text: str) -> str:
    """As much of a text as is told, in characters that have bytes."""
    # A lone surrogate has no bytes in UTF-8.
    return text[:MAX_DETAIL_CHARACTERS].encode("utf-8", "backslashreplace").decode()
