"""Prior Consent: may this be used for AI training? Asked, decided and proved at home.

The library that vendors and auditors install. It needs no server and no framework::

    from priorconsent import Verdict, ask

``ask`` takes a question, a snapshot or registry, and a trust file; ``decide`` and ``parse_query`` are for who
holds verified states already.

The three walks: ``query`` → ``decision``; ``events`` → ``replay`` → the map; ``bundle`` → ``verify``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from priorconsent.decision import Decision, decide
    from priorconsent.home import Answer, ask, ask_all
    from priorconsent.query import Query
    from priorconsent.query import parse as parse_query
    from priorconsent.reasons import REASONS, Verdict

__all__ = ["REASONS", "Answer", "Decision", "Query", "Verdict", "ask", "ask_all", "decide", "parse_query"]

# Imported when first asked for, so that a command loads only what it needs.
_FROM = {
    "REASONS": ("reasons", "REASONS"),
    "Answer": ("home", "Answer"),
    "Decision": ("decision", "Decision"),
    "Query": ("query", "Query"),
    "Verdict": ("reasons", "Verdict"),
    "ask": ("home", "ask"),
    "ask_all": ("home", "ask_all"),
    "decide": ("decision", "decide"),
    "parse_query": ("query", "parse"),
}


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, member = _FROM[name]
    return getattr(import_module(f"priorconsent.{module}"), member)
