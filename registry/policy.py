"""Who may do what in the registry, each with the sentence that a refusal shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from priorconsent.errors import NotAllowedError
from registry.actor import Actor


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may do one thing.

    Args:
        roles: that may do it.
        own: parties do it for themselves only; operators for anybody.
        sentence: shown as it is where somebody may not.
    """

    roles: frozenset[str]
    own: bool
    sentence: str


OPERATOR = frozenset({"operator"})
SIGNERS = frozenset({"operator", "signer"})
ANYBODY = frozenset({"operator", "signer", "member"})

RULES = {
    "hand_in": Rule(ANYBODY, own=True, sentence="A statement is handed in by the party that signed it."),
    "add_party": Rule(SIGNERS, own=False, sentence="Parties are added by operators and by those who sign for a party."),
    "bind_first_key": Rule(
        SIGNERS,
        own=True,
        sentence="A key that no earlier key vouches for is bound by an operator, or by those who sign for the party.",
    ),
    "end_key_unsigned": Rule(OPERATOR, own=False, sentence="Only an operator ends a key without a signed statement."),
    "add_work": Rule(ANYBODY, own=True, sentence="A work is added by its registrant or by an operator."),
    "propose_shares": Rule(
        ANYBODY, own=True, sentence="Shares are proposed by the registrant or a holder of the work."
    ),
    "record_check": Rule(OPERATOR, own=False, sentence="Only an operator records what was checked."),
}


def permit(actor: Actor, rule: Rule, parties: Iterable[str] = ()) -> None:
    """Let the actor pass, or say why not.

    Args:
        parties: whose matter it is; one of them must be the actor's own, if the rule says so.

    Raises:
        NotAllowedError: with the rule's sentence.
    """
    is_own = actor.role == "operator" or not rule.own or actor.party in set(parties)
    if actor.role not in rule.roles or not is_own:
        raise NotAllowedError(rule.sentence)
