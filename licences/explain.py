"""Where an offer or a grant stands, in words: whose turn it is, and who is waited for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from licences.models import Offer
from licences.states import TURN, State
from registry.queries import names_of


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where things stand.

    Args:
        needed: parties whose approval it takes, sorted.
        waiting_for: those of them whose approval is missing or no longer counts, sorted.
        accepted: whether the licensee named accepted; ``None``: none is named.
        en, ja: the same in words.
    """

    state: str
    turn: str
    needed: tuple[str, ...]
    waiting_for: tuple[str, ...]
    accepted: bool | None
    en: str
    ja: str


def explain(offer: Offer, now: str) -> Explanation:
    """Explain one offer."""
    return explain_all([offer], now)[0]


def explain_all(offers: Sequence[Offer], now: str) -> list[Explanation]:
    """Explain many, with one SQL query for all names in each language."""
    parties = {party for offer in offers for party in (*offer.needs, offer.licensee) if party}
    en, ja = names_of(parties, "en"), names_of(parties, "ja")
    return [_explain(offer, now, en, ja) for offer in offers]


def _explain(offer: Offer, now: str, en: Mapping[str, str], ja: Mapping[str, str]) -> Explanation:
    needed = tuple(sorted(offer.needs))
    approved = {row.party for row in offer.approvals.all() if row.decision == "approve" and row.counts(now)}
    waiting = tuple(party for party in needed if party not in approved)
    accepted = _accepted(offer, now) if offer.licensee else None
    turn = TURN[State(offer.state)]
    more = _more(offer, needed, waiting, accepted)
    return Explanation(
        state=offer.state,
        turn=turn.who,
        needed=needed,
        waiting_for=waiting if offer.state == State.OFFERED else (),
        accepted=accepted,
        en=" ".join([turn.en, *(sentence.format(**_named(parties, en, ", ")) for sentence, _, parties in more)]),
        ja="".join([turn.ja, *(sentence.format(**_named(parties, ja, "、")) for _, sentence, parties in more)]),
    )


def _accepted(offer: Offer, now: str) -> bool:
    answer = offer.accepted
    return answer is not None and answer.decision == "approve" and answer.counts(now)


# A sentence in English and in Japanese, and the parties that it names.
_Sentence = tuple[str, str, tuple[str, ...]]


def _more(
    offer: Offer,
    needed: tuple[str, ...],
    waiting: tuple[str, ...],
    accepted: bool | None,  # noqa: FBT001 (a fact)
) -> list[_Sentence]:
    """What the state alone does not say; ``{who}`` and ``{n}`` are the parties named."""
    sentences: list[_Sentence] = []
    if offer.state == State.OFFERED and waiting:
        count = f"{len(needed)}"
        sentences.append(
            (
                f"Waiting for {{n}} of {count}: {{who}}.",
                f"権利者{count}者のうち{{n}}者の承認を待っています：{{who}}。",
                waiting,
            )
        )
    if offer.state == State.OFFERED and accepted is False:
        sentences.append(("Waiting for the licensee: {who}.", "利用者の承諾を待っています：{who}。", (offer.licensee,)))
    if offer.state == State.OFFERED and not waiting and accepted is not False:
        sentences.append(
            ("All have signed; it is about to be issued.", "全員が署名しました。まもなく発行されます。", ())
        )
    asked = tuple(row.party for row in offer.withdrawals.all())
    if asked and offer.state in {State.ACTIVE, State.SUSPENDED}:
        left = tuple(party for party in needed if party not in asked)
        sentences.append(
            (
                f"{len(asked)} of {len(needed)} holders asked to end it; it ends only with: {{who}}.",
                f"権利者{len(needed)}者のうち{len(asked)}者が終了を求めています。終了には次の者の署名も必要です：{{who}}。",
                left,
            )
        )
    if offer.reason:
        reason = offer.reason.replace("{", "{{").replace("}", "}}")
        sentences.append((f"Reason: {reason}.", f"理由：{reason}。", ()))
    return sentences


def _named(parties: tuple[str, ...], names: Mapping[str, str], comma: str) -> dict[str, object]:
    return {"n": len(parties), "who": comma.join(names.get(party, party) for party in parties)}
