"""Who may ask: declared above each view, refused before its body is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, cast

from django.http import HttpRequest
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.keys import actor_for_key
from api.problems import NoKeyError
from api.wire import CanonicalJson, StrictJson
from priorconsent import times
from registry.actor import Actor

CLOCK: Final = "priorconsent.now"
ACTOR: Final = "priorconsent.actor"
BEARER: Final = "Bearer "


def now(request: Request | HttpRequest) -> str:
    """The time of this request: the clock is read once, and everything is judged by the same instant."""
    # What a server puts into the environment by itself no client can set.
    return str(request.META.setdefault(CLOCK, times.now()))


def actor(request: Request) -> Actor:
    """Who acts by the API key that the view asked for."""
    return cast("Actor", request.META[ACTOR])


def has_key(request: Request) -> bool:
    """Whether the request brings an API key."""
    return "Authorization" in request.headers


class Anybody(BasePermission):
    """Everybody may ask, unknown."""


class Keyed(BasePermission):
    """Whoever holds an API key with a scope."""

    scope: ClassVar[str]

    def has_permission(self, request: Request, view: object) -> bool:
        """Notes the actor, or raises our own error with its reason."""
        del view
        request.META[ACTOR] = by_key(request, self.scope)
        return True


class Read(Keyed):
    """Holders of a key that may read what concerns their party."""

    scope = "read"


class Write(Keyed):
    """Holders of a key that may write for their party."""

    scope = "write"


class Operate(Keyed):
    """Operators."""

    scope = "operate"


Access = type[BasePermission]


class View(APIView):
    """A view that says above its body who may do what; any other method does not exist."""

    access: ClassVar[Mapping[str, Access]] = {}
    parser_classes: Sequence[type[BaseParser]] = (StrictJson,)
    renderer_classes = (CanonicalJson,)

    def get_permissions(self) -> list[BasePermission]:
        """The permission for this method."""
        method = str(self.request.method)
        granted = self.access.get("GET" if method == "HEAD" else method)
        if granted is None:
            raise MethodNotAllowed(method)
        return [granted()]

    @property
    def allowed_methods(self) -> list[str]:
        """For the header ``Allow``."""
        return [*self.access]


def by_key(request: Request, scope: str) -> Actor:
    """Who acts by the API key in ``Authorization``.

    Raises:
        NoKeyError: there is none.
        NotAllowedError: it does not count, or not for this scope.
    """
    given = request.headers.get("Authorization", "")
    if not given.startswith(BEARER):
        raise NoKeyError(f"this needs an API key with the scope {scope}: Authorization: Bearer pc_…")
    return actor_for_key(given.removeprefix(BEARER), now(request), scope=scope)
