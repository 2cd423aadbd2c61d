"""Prior Consent: may this be used for AI training? Asked, decided and proved at home.

The library that vendors and auditors install. It needs no server and no framework::

    from priorconsent import Verdict, decide, parse_query

The three walks: ``query`` → ``decision``; ``events`` → ``replay`` → the map; ``bundle`` → ``verify``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from priorconsent.decision import Decision, decide
    from priorconsent.query import Query
    from priorconsent.query import parse as parse_query
    from priorconsent.reasons import REASONS, Verdict

__all__ = ["REASONS", "Decision", "Query", "Verdict", "decide", "parse_query"]

# Imported when first asked for, so that a command loads only what it needs.
_FROM = {
    "REASONS": ("reasons", "REASONS"),
    "Decision": ("decision", "Decision"),
    "Query": ("query", "Query"),
    "Verdict": ("reasons", "Verdict"),
    "decide": ("decision", "decide"),
    "parse_query": ("query", "parse"),
}


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, member = _FROM[name]
    return getattr(import_module(f"priorconsent.{module}"), member)
