"""Prior Consent: may this be used for AI training? Asked, decided and proved at home.

The library that vendors and auditors install. It needs no server and no framework::

    from priorconsent import Verdict, decide, parse_query

The three walks: ``query`` → ``decision``; ``events`` → ``replay`` → the map; ``bundle`` → ``verify``.
"""

from priorconsent.decision import Decision, decide
from priorconsent.query import Query
from priorconsent.query import parse as parse_query
from priorconsent.reasons import REASONS, Verdict

__all__ = ["REASONS", "Decision", "Query", "Verdict", "decide", "parse_query"]
