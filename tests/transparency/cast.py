"""A studio, a publisher and a vendor with real keys, and what they sign."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from priorconsent import canonical, consent, grants, rights, times
from priorconsent.keys import KeyRecord, PrivateKey
from priorconsent.offers import Conditions, Licensee, Offer, WithdrawalTerms
from priorconsent.shares import Link, Share, ShareSet
from priorconsent.statements import NARROWING, WITHOUT_BODY, Statement, body_of, sign
from transparency.append import append_all
from transparency.models import Pending
from transparency.signers import signer
from transparency.store import current_states

DAY_1 = "2026-12-01T00:00:00Z"
DAY_2 = "2026-12-02T00:00:00Z"
DAY_3 = "2026-12-03T00:00:00Z"
DAY_4 = "2026-12-04T00:00:00Z"

STUDIO, PUBLISHER, VENDOR = (f"urn:uuid:00000000-0000-4000-8000-{number:012x}" for number in range(1, 4))
MANGA, FILM = (f"urn:uuid:00000000-0000-4000-8000-0000000000a{number}" for number in (1, 2))
GRANT = "urn:uuid:00000000-0000-7000-8000-0000000000f1"
FILM_FILE = "sha256:" + hashlib.sha256(b"film-file").hexdigest()
NOTICE_S = 3600


def salt(text: str) -> str:
    return canonical.to_base64url(hashlib.sha256(text.encode()).digest()[:16])


@dataclass
class Unit:
    """Drafts and what they cite, ready to be appended."""

    drafts: list[dict[str, Any]] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    evidence: dict[str, bytes] = field(default_factory=dict)

    def append(self) -> list[Pending]:
        with transaction.atomic():
            return append_all(self.drafts, blobs=self.blobs, evidence=self.evidence)


class Cast:
    """Builds units; appends nothing by itself.

    Args:
        registry: the registry's name, which every statement says.
    """

    def __init__(self, registry: str) -> None:
        self.registry = registry
        self.keys = {
            party: PrivateKey(hashlib.sha256(party.encode()).digest()) for party in (STUDIO, PUBLISHER, VENDOR)
        }
        self.nonces = 0

    def record(self, party: str) -> KeyRecord:
        jwk = self.keys[party].jwk
        return KeyRecord(
            v=1, registry=self.registry, party=party, method="key", jwk=jwk, salt=salt(party), passkey=None
        )

    def statement(self, kind: str, party: str, subject: str, body: dict[str, Any], at: str) -> bytes:
        self.nonces += 1
        made = Statement(
            v=1,
            type=kind,  # type: ignore[arg-type]
            registry=self.registry,
            party=party,
            by=party,
            key=self.record(party).key_id,
            subject=subject,
            decision="approve" if kind in {"approval", "acceptance"} else None,
            rights=("copyright",) if kind == "approval" else (),
            shown=None,
            at=at,
            not_after=None if kind in NARROWING else times.plus(at, 30 * 86400),
            nonce=salt(f"nonce-{self.nonces}"),
            body=body,
        )
        return sign(made, self.keys[party])

    def signed(self, draft: dict[str, Any], kind: str, party: str, at: str = DAY_1, subject: str = "") -> Unit:
        """A draft with one statement under it."""
        body = {} if kind in WITHOUT_BODY else body_of(draft)
        raw = self.statement(kind, party, subject or canonical.digest(canonical.encode(body)), body, at)
        digest = canonical.digest(raw)
        cites = {"statement": digest} if draft["t"] in {"work", "alias", "refuse"} else {"statements": [digest]}
        return Unit([{**draft, **cites}], {}, {digest: raw})

    def party(self, party: str) -> Unit:
        kind = "ai_vendor" if party == VENDOR else "organisation"
        return Unit([{"t": "party", "party": party, "kind": kind, "members": None}])

    def key(self, party: str) -> Unit:
        record = self.record(party)
        draft = {"t": "party-key", "party": party, "key": record.key_id, "method": "key", "bound_by": None}
        unit = self.signed(draft, "key", party)
        unit.evidence[record.key_id] = record.encode()
        return unit

    def work(self, work: str, kind: str, party: str) -> Unit:
        return self.signed({"t": "work", "work": work, "kind": kind, "party": party}, "claim", party)

    def alias(self, name: str, level: str = "E3") -> Unit:
        draft = {"t": "alias", "name": name, "work": FILM, "party": STUDIO, "level": level, "ended": False}
        return self.signed(draft, "claim", STUDIO)

    def shares(self, work: str, holder: str, links: tuple[Link, ...] = ()) -> Unit:
        document = ShareSet(
            v=1,
            registry=self.registry,
            work=work,
            version=1,
            previous=None,
            shares=(Share(right="copyright", party=holder),),
            links=links,
            complete=True,
            salt=salt(work),
        )
        draft = {
            "t": "share-set",
            "work": work,
            "version": 1,
            "previous": None,
            "digest": document.digest,
            "holders": [{"right": "copyright", "party": holder, "level": "E3"}],
            "links": [{"rel": link.rel, "work": link.work} for link in links],
            "complete": True,
        }
        unit = self.signed(draft, "shares", holder)
        unit.evidence[document.digest] = document.encode()
        return unit

    def grant(self, at: str) -> Unit:
        """Issue for the film, approved by both holders and accepted by the vendor."""
        offer = self.offer()
        approvals = [self.statement("approval", party, offer.digest, {}, at) for party in (STUDIO, PUBLISHER)]
        acceptance = self.statement("acceptance", VENDOR, offer.digest, {}, at)
        cited = [grants.Evidence(type="approval", digest=canonical.digest(raw)) for raw in approvals]
        cited.append(grants.Evidence(type="acceptance", digest=canonical.digest(acceptance)))
        key = signer("grant")
        token = grants.sign(grants.credential(offer, cited), key.kid, key.sign)
        draft = {
            "t": "grant",
            "grant": GRANT,
            "digest": canonical.digest(token),
            "offer": offer.digest,
            "works": [FILM],
            "valid_from": None,
            "valid_until": offer.valid_until,
            "method": "key",
            "level": "E3",
        }
        evidence = {canonical.digest(raw): raw for raw in (*approvals, acceptance)}
        return Unit([draft], {canonical.digest(token): token, offer.digest: offer.encode()}, evidence)

    def offer(self) -> Offer:
        needed = consent.required((FILM,), (), ("train.generative",), ("video",), rights.LATEST, current_states())
        return Offer(
            v=1,
            registry=self.registry,
            grant=GRANT,
            licensee=Licensee(kind="party", party=VENDOR, affiliates=()),
            works=(FILM,),
            excluded=(),
            rights=("copyright",),
            rights_table=rights.LATEST.digest,
            share_sets=needed.share_sets,
            uses=("train.generative",),
            bindings=("digest",),
            locators=(),
            copies="acquired_after",
            modalities_in=("video",),
            modalities_out=("video",),
            models=("A-Video",),
            distribution=("internal",),
            territory=("JP",),
            valid_from=None,
            valid_until="2028-01-01T00:00:00Z",
            withdrawal=WithdrawalTerms(by="any", notice_s=NOTICE_S),
            conditions=Conditions(),
            texts=(),
            supersedes=(),
            lapse_at="2027-02-01T00:00:00Z",
            salt=salt("offer"),
        )

    def withdrawal(self, grant_digest: str, at: str) -> Unit:
        draft = {"t": "withdraw", "grant": GRANT, "parties": [STUDIO]}
        return self.signed(draft, "withdrawal", STUDIO, at, grant_digest)

    def refusal(self, number: int, at: str = DAY_1) -> Unit:
        draft = {
            "t": "refuse",
            "refusal": f"urn:uuid:00000000-0000-7000-8000-{number:012x}",
            "party": STUDIO,
            "vendors": ["*"],
            "works": ["*"],
            "uses": ["*"],
        }
        return self.signed(draft, "refusal", STUDIO, at)

    def everything_up_to_the_offer(self) -> list[Unit]:
        parties = (STUDIO, PUBLISHER, VENDOR)
        return [
            *map(self.party, parties),
            *map(self.key, parties),
            self.work(MANGA, "manga", PUBLISHER),
            self.work(FILM, "film", STUDIO),
            self.alias(FILM_FILE),
            self.shares(MANGA, PUBLISHER),
            self.shares(FILM, STUDIO, (Link(rel="based_on", work=MANGA),)),
        ]
