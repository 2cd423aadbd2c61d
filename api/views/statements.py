"""Self-signed statements: whoever brings one may be anybody, for the signature is the authority."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api import openapi, wire
from api.access import Anybody, View, by_key, has_key, now
from api.handing_in import hand_in, lines_of
from api.shapes import Recorded, StatementIn
from api.words import LOST, NOT_TAKEN, RECORDED, WAITS, Sentence, said
from licences.explain import explain
from licences.models import Offer
from licences.verbs.accept import accept_offer
from licences.verbs.approve import approve_offer
from licences.verbs.end_key import end_key
from licences.verbs.issue import issue_if_ready
from licences.verbs.resume import resume_after_key
from licences.verbs.withdraw import withdraw_grant
from priorconsent import canonical
from priorconsent.errors import MalformedError, NotAvailableError
from priorconsent.statements import Signed, Statement
from registry.actor import Actor
from registry.models import ShareSet
from registry.statements import LATER
from registry.verbs.bind_key import bind_key
from registry.verbs.claim_name import claim_name
from registry.verbs.end_refusal import end_refusal
from registry.verbs.refuse import refuse
from registry.verbs.register_work import register_work
from registry.verbs.sign_shares import sign_shares
from transparency import acknowledgements

Take = Callable[[Actor, Signed, StatementIn, str], Sentence]


class Statements(View):
    """``/api/v1/statements``."""

    access = {"POST": Anybody}
    parser_classes = (wire.StrictJson, wire.Jose, wire.JsonLines, wire.NdJson)

    @extend_schema(**openapi.STATEMENT)
    def post(self, request: Request) -> Response:
        """Take a statement: as JSON, or by itself as ``application/jose``. Or a list: as an array, or as JSON Lines.

        An API key is needed only to bind a key that no earlier key vouches for. A narrowing statement is
        acknowledged at once, and handed in once more it is acknowledged once more. A list holds claims and shares; of
        each line it is told what became of it, and handed in again nothing is done twice.
        """
        if isinstance(request.data, list):
            return Response(hand_in(lines_of(request.data), _take_one_of_many(request)))
        told = wire.body(request, StatementIn)
        signed = Signed(told.statement.encode())
        says = take(_actor(request, signed.statement), signed, told, now(request))
        return Response(recorded(signed, says), status=202)


def take(actor: Actor, signed: Signed, told: StatementIn, now: str) -> Sentence:
    """Take one statement, unless it was drafted before and will be acknowledged anew; what happens next."""
    kind = signed.statement.type
    if kind in LATER:
        raise NotAvailableError(LATER[kind], pointer="/statement")
    known = None if signed.statement.widening else acknowledgements.whereabouts(signed.digest)
    if known is not None:
        return ACKNOWLEDGED[known]
    return TAKE[kind](actor, signed, told, now)


def recorded(signed: Signed, says: Sentence) -> Recorded:
    """The answer to a statement that was taken. Called outside of any transaction: it may sign."""
    acknowledged = None if signed.statement.widening else acknowledgements.given(signed.digest)
    return Recorded(
        evidence=signed.digest,
        type=signed.statement.type,
        says=said(says),
        acknowledgement=acknowledged.decode() if acknowledged is not None else None,
    )


def _take_one_of_many(request: Request) -> Callable[[Signed], Sentence]:
    bringer = by_key(request, "write") if has_key(request) else None

    def take_one(signed: Signed) -> Sentence:
        told = StatementIn(statement=signed.raw.decode("ascii"))
        return take(bringer or _signer(signed.statement), signed, told, now(request))

    return take_one


def _actor(request: Request, statement: Statement) -> Actor:
    if has_key(request):
        return by_key(request, "write")
    return _signer(statement)


def _signer(statement: Statement) -> Actor:
    # A member, not a signer: a signature by an unknown key proves no authority over the party yet.
    return Actor(party=statement.party, role="member", proof="statement")


def _then_explained(verb: Callable[[Actor, bytes, str], Offer], *, issues: bool = False) -> Take:
    """Takes by a verb, and says where the offer stands.

    Args:
        issues: the last of these signatures issues the grant.
    """

    def take(actor: Actor, signed: Signed, _told: StatementIn, now: str) -> Sentence:
        offer = verb(actor, signed.raw, now)
        if issues:
            issue_if_ready(actor, offer, now)
        explained = explain(Offer.objects.get(pk=offer.pk), now)
        return explained.en, explained.ja

    return take


def _then_recorded(verb: Callable[[Actor, bytes, str], object]) -> Take:
    """Takes by a verb after which there is nothing more to say."""

    def take(actor: Actor, signed: Signed, _told: StatementIn, now: str) -> Sentence:
        verb(actor, signed.raw, now)
        return RECORDED

    return take


def _shares(actor: Actor, signed: Signed, _told: StatementIn, now: str) -> Sentence:
    return WAITS if sign_shares(actor, signed.raw, now).state == ShareSet.State.PROPOSED else RECORDED


def _claim(actor: Actor, signed: Signed, _told: StatementIn, now: str) -> Sentence:
    # A claim is of a work, or of a name for one.
    verb = claim_name if "name" in signed.statement.body else register_work
    verb(actor, signed.raw, now)
    return RECORDED


def _bind_key(actor: Actor, signed: Signed, told: StatementIn, now: str) -> Sentence:
    if told.key_record is None:
        raise MalformedError("a key statement comes with the record of the key", pointer="/key_record")
    earlier = (told.by_earlier_key.encode(),) if told.by_earlier_key else ()
    bind_key(actor, canonical.encode(told.key_record), [signed.raw, *earlier], now)
    return RECORDED


ACKNOWLEDGED: Final[dict[acknowledgements.Whereabouts, Sentence]] = {
    "waiting": RECORDED,
    "logged": RECORDED,
    "refused": NOT_TAKEN,
    "lost": LOST,
}
TAKE: Final[dict[str, Take]] = {
    "approval": _then_explained(approve_offer, issues=True),
    "acceptance": _then_explained(accept_offer, issues=True),
    "withdrawal": _then_explained(withdraw_grant),
    "resume": _then_explained(resume_after_key),
    "refusal": _then_recorded(refuse),
    "refusal-end": _then_recorded(end_refusal),
    "claim": _claim,
    "shares": _shares,
    "key": _bind_key,
    "key-end": _then_recorded(end_key),
}
