"""An offer that everyone signed becomes a grant.

1. Check on the newest map all that replay will check: the offer is alive, complete, not refused; every
   approval needed and the licensee's acceptance are there, and count now.
2. Prepare the only credential that fits, sign it with a key that is thrown away, and replay the grant under that
   key as every reader of the log will: what fails here was never signed.
3. Store the exact bytes that will be signed.
4. Sign them with the registry's grant key, outside any transaction: a token that is not logged is nothing. Compare
   what was signed with what is stored, byte for byte, and verify it under the keyset in force.
5. In one transaction: move the state, append the grant and the ends of those that it supersedes.

The sequencer judges again, by the map of that moment; what it refuses, ``follower`` shows to people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from licences.life import log_around, move, offer_by_grant, require_state, terms_of
from licences.models import Acceptance, Grant, LicenceText, Offer
from licences.policy import RULES
from licences.signatures import counting
from licences.states import State
from priorconsent import canonical, grants
from priorconsent import vocabulary as words
from priorconsent.consent import Requirement
from priorconsent.errors import ConflictError, RuleError, SignatureError, SigningError
from priorconsent.names import party as party_name
from priorconsent.offers import Offer as Terms
from priorconsent.replay import check_issue
from priorconsent.statements import Signed
from priorconsent.states import PartyState
from registry.actor import Actor
from registry.policy import permit
from transparency.alarms import NOT_SIGNED, raise_alarm
from transparency.append import append_all
from transparency.archive import DatabaseArchive
from transparency.rehearsal import Rehearsal, RehearsalError
from transparency.signers import holds, in_force
from transparency.store import DatabaseLedger, keyset


@dataclass(frozen=True, slots=True)
class _Ready:
    """An offer that nothing is missing from."""

    terms: Terms
    requirement: Requirement
    approvals: dict[str, Signed]
    acceptance: Signed | None
    method: str

    @property
    def statements(self) -> tuple[Signed, ...]:
        return (*self.approvals.values(), *((self.acceptance,) if self.acceptance else ()))


def issue_grant(actor: Actor, offer: Offer, now: str) -> Grant:
    """Issue the grant of an offer.

    Raises:
        RuleError: something is missing, or the offer is dead; the sentence says what.
        RehearsalError: the log would refuse the grant, so nothing was signed.
        SigningError: no grant key that the keyset lets sign is at hand.
    """
    permit(actor, RULES["issue"], {offer.licensee, *offer.needs})
    require_state(offer, State.OFFERED)
    log = log_around(terms_of(offer))
    ready = _ready(offer, log, now)
    credential = grants.credential(ready.terms, _evidence(ready))
    _rehearse(credential, offer, ready, log, now)
    issued, _ = Grant.objects.update_or_create(offer=offer, defaults={"credential": credential.encode()})
    # A crash here leaves a prepared credential; the next issue prepares the same, or a fresher one.
    own = in_force("grant", keyset(log), now)[0]
    token = grants.sign(credential, own.kid, own.sign)
    _compare(token, own.kid, issued)
    grants.Token(token).verify(keyset(log), now)
    # A crash here loses a token that nobody has seen.
    with transaction.atomic():
        move(offer, State.ACTIVE)
        for earlier in ready.terms.supersedes:
            move(offer_by_grant(earlier), State.SUPERSEDED)
        issued.token, issued.digest, issued.issued_at = token, grants.Token(token).digest, now
        issued.save()
        append_all(_drafts(ready, issued.digest), blobs=_blobs(offer, token), evidence=_statements(ready))
    return issued


def issue_if_ready(actor: Actor, offer: Offer, now: str) -> Grant | None:
    """Issue the grant; ``None`` while any rule stands in the way, or if another was quicker.

    ``None`` too where this process has no grant key: then the sweep of the one that has it issues. What nobody
    expects, a key that does not sign or a grant that the log would refuse, raises an alarm, and others go on.
    """
    if not holds("grant"):
        return None
    try:
        return issue_grant(actor, offer, now)
    except RuleError:
        return None
    except (RehearsalError, SignatureError, SigningError) as error:
        raise_alarm(now, NOT_SIGNED, f"{offer.grant}: {error}")
        return None


def issue_all_ready(actor: Actor, now: str) -> list[str]:
    """Issue what a crash left behind or a condition held up; ids of the grants.

    An offer that lacks a signature costs no look-up in the map.
    """
    offers = (
        Offer.objects.filter(state=State.OFFERED)
        .prefetch_related("approvals", "need_rows")
        .select_related("acceptance")
    )
    signed = [offer for offer in offers if is_signed(offer, now)]
    return [offer.grant for offer in signed if issue_if_ready(actor, offer, now) is not None]


def is_signed(offer: Offer, now: str) -> bool:
    """Whether, as far as the rows tell, all signatures are there."""
    approved = {row.party for row in offer.approvals.all() if row.counts(now)}
    accepted = not offer.licensee or (offer.accepted is not None and offer.accepted.counts(now))
    return set(offer.needs) <= approved and accepted


def _ready(offer: Offer, log: DatabaseLedger, now: str) -> _Ready:
    terms = terms_of(offer)
    requirement = check_issue(terms, now, keyset(log).registry_id, log, DatabaseArchive())
    if not words.at_least(words.LEVELS, requirement.level, words.LEAST_LEVEL):
        raise RuleError(f"a holder stands on evidence below {words.LEAST_LEVEL}")
    approvals = counting(offer.approvals.all(), terms.digest, log, now)
    waiting = requirement.waiting_for(approvals)
    if waiting:
        raise RuleError(f"waiting for {len(waiting)} of {len(requirement.parties)} approvals: {', '.join(waiting)}")
    accepted = counting(Acceptance.objects.filter(offer=offer), terms.digest, log, now)
    if terms.licensee.party is not None and terms.licensee.party not in accepted:
        raise RuleError(f"waiting for the acceptance of {terms.licensee.party}")
    needed = {party: approvals[party] for party in requirement.parties}
    acceptance = accepted.get(terms.licensee.party or "")
    return _Ready(terms, requirement, needed, acceptance, _method(needed, log))


def _method(approvals: dict[str, Signed], log: DatabaseLedger) -> str:
    """The weakest method among the keys that approved."""
    methods = []
    for party, signed in approvals.items():
        state = log.state(party_name(party))
        key = state.key(signed.statement.key) if isinstance(state, PartyState) else None
        methods.append(key.method if key else "")
    return words.lowest(words.METHODS, methods)


def _evidence(ready: _Ready) -> list[grants.Evidence]:
    cited = [grants.Evidence(type="approval", digest=one.digest) for one in ready.approvals.values()]
    if ready.acceptance is not None:
        cited.append(grants.Evidence(type="acceptance", digest=ready.acceptance.digest))
    return cited


def _rehearse(credential: grants.Credential, offer: Offer, ready: _Ready, log: DatabaseLedger, now: str) -> None:
    """Let the replay that everybody runs judge the grant, before the real key touches it."""
    rehearsal = Rehearsal(log, now)
    token = grants.sign(credential, rehearsal.key.kid, rehearsal.key.sign)
    rehearsal.replay(_drafts(ready, canonical.digest(token)), _blobs(offer, token), _statements(ready))


def _compare(token: bytes, kid: str, issued: Grant) -> None:
    """See that the bytes under the signature are those that are stored, under the one header there is."""
    stored = Grant.objects.values_list("credential", flat=True).get(pk=issued.pk)
    header = canonical.encode({**grants.HEADER, "kid": kid})
    expected = f"{canonical.to_base64url(header)}.{canonical.to_base64url(bytes(stored))}".encode("ascii")
    if token.rpartition(b".")[0] != expected:
        raise ConflictError("what was signed is not what was prepared; it is thrown away")


def _drafts(ready: _Ready, digest: str) -> list[dict[str, Any]]:
    terms = ready.terms
    grant = {
        "t": "grant",
        "grant": terms.grant,
        "digest": digest,
        "offer": terms.digest,
        "works": list(terms.works),
        "valid_from": terms.valid_from,
        "valid_until": terms.valid_until,
        "method": ready.method,
        "level": ready.requirement.level,
    }
    ends = [{"t": "supersede", "grant": earlier, "next": terms.grant} for earlier in terms.supersedes]
    return [grant, *ends]


def _blobs(offer: Offer, token: bytes) -> dict[str, bytes]:
    pinned = {text.digest for text in terms_of(offer).texts}
    texts = LicenceText.objects.filter(digest__in=pinned).values_list("digest", "content")
    return {
        str(offer.digest): bytes(offer.raw or b""),
        canonical.digest(token): token,
        **{digest: bytes(content) for digest, content in texts},
    }


def _statements(ready: _Ready) -> dict[str, bytes]:
    return {one.digest: one.raw for one in ready.statements}
