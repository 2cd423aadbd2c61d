"""What holds for every answer."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from api.problems import problem
from api.wire import MAX_BODY_BYTES

Respond = Callable[[HttpRequest], HttpResponse]


def bounded_and_private(respond: Respond) -> Respond:
    """Refuse a body by its announced length before anybody reads it; keep answers out of caches unless they say so."""

    def answer(request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        too_large = length.isascii() and length.isdigit() and int(length[:20]) > MAX_BODY_BYTES
        if "HTTP_TRANSFER_ENCODING" in request.META:
            # WSGI hands no such body on: it would look as if nothing had been sent.
            response = problem("length_required", "send a Content-Length instead of chunks")
        elif too_large:
            response = problem("too_large", f"at most {MAX_BODY_BYTES} bytes are read")
        elif "\0" in request.path_info:
            # No address has it, and PostgreSQL would fail over it.
            response = problem("not_found")
        else:
            response = respond(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return answer
