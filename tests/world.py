"""A registry in memory with a small cast: real keys, real signatures, real replay.

A world is honest when nothing else is said. Every verb can also be called wrongly, so that registries and
parties that cheat can be played: other signers, other keys, other members, approvals left out or put in,
evidence kept back. Time stands still until ``wait``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from priorconsent import canonical, consent, events, grants, merkle_map, names, query, replay, times
from priorconsent.decision import Decision, decide
from priorconsent.keys import KeyRecord, Keyset, PrivateKey, RegistryKey, sign_keyset
from priorconsent.offers import Offer
from priorconsent.records import convert
from priorconsent.rights import LATEST, SHIPPED
from priorconsent.shares import ShareSet
from priorconsent.statements import DECIDING, NARROWING, WITHOUT_BODY, Statement, body_of
from priorconsent.statements import sign as sign_statement
from priorconsent.states import GrantState, Holder, PartyState, WorkState

START = "2026-11-01T00:00:00Z"
END = "2028-01-01T00:00:00Z"
DAY_S = 86400


def uid(label: str) -> str:
    """A random-looking id, the same in every run."""
    raw = hashlib.sha256(f"id {label}".encode()).hexdigest()
    return f"urn:uuid:{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-8{raw[17:20]}-{raw[20:32]}"


def key(label: str) -> PrivateKey:
    """A private key, the same in every run."""
    return PrivateKey(hashlib.sha256(f"key {label}".encode()).digest())


def salt(label: str) -> str:
    """Sixteen bytes, the same in every run."""
    return canonical.to_base64url(hashlib.sha256(f"salt {label}".encode()).digest()[:16])


def file(label: str) -> str:
    """The name of a file's digest."""
    return canonical.digest(label.encode())


ASSOCIATION, STUDIO, COMMITTEE, PUBLISHER, VENDOR, OTHER_VENDOR, AUDITOR, STRANGER = map(
    uid, "association studio committee publisher vendor other-vendor auditor stranger".split()
)
AYA, BUN, CHIE = MEMBERS = tuple(map(uid, ("aya", "bun", "chie")))
KINDS = {
    ASSOCIATION: "association",
    STUDIO: "organisation",
    **dict.fromkeys(MEMBERS, "organisation"),
    PUBLISHER: "organisation",
    VENDOR: "ai_vendor",
    OTHER_VENDOR: "ai_vendor",
    AUDITOR: "organisation",
    STRANGER: "organisation",
}

MANGA, FILM, EPISODE, SONG, HERO, OTHER_FILM = map(uid, "manga film episode song hero other-film".split())
FILM_FILE = file("film file")
FILM_URL = "https://studio.example/film/ep1.mp4"
FILM_PREFIX = "prefix:https://studio.example/film/"

# What the licensee of ``World.granted`` asks.
QUESTION = {
    "sha256": FILM_FILE.removeprefix("sha256:"),
    "use": "train.generative.pretrain",
    "vendor": VENDOR,
    "modality": "video",
    "model": "A-Video",
    "distribution": "internal",
    "territory": "JP",
}


class Shelf(replay.Archive):
    """What lies at hand of blobs and evidence."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.proofs: dict[str, bytes] = {}

    def blob(self, digest: str) -> bytes | None:
        return self.blobs.get(digest)

    def evidence(self, digest: str) -> bytes | None:
        return self.proofs.get(digest)


class World:
    """A registry, everybody's keys, and the clock.

    Args:
        key_delay_s: how long a party's first key may only narrow.
    """

    def __init__(self, *, key_delay_s: int = 0, cast: Iterable[str] = ()) -> None:
        self.clock = START
        self.ledger = replay.MemoryLedger()
        self.shelf = Shelf()
        self.blobs, self.proofs = self.shelf.blobs, self.shelf.proofs
        self.effects: list[replay.Effect] = []
        self.keys: dict[str, PrivateKey] = {}
        self.records: dict[str, KeyRecord] = {}
        self.offers: dict[str, Offer] = {}
        self.count = 0
        # From here on no statement and no share set reaches the archive.
        self.secretive = False
        self.roots = [key("root")]
        self.keyset = self._keyset(key_delay_s)
        self.registry = self.keyset.digest
        self.publish_keyset(self.keyset)
        self.log(
            {"t": "log-open", "format": 1, "origin": "log.test/1", "registry": self.registry, "keyset": self.registry}
        )
        self.log({"t": "keyset", "version": 1, "digest": self.registry})
        self.blobs[LATEST.digest] = LATEST.encode()
        self.log({"t": "rights-table", "version": 1, "digest": LATEST.digest})
        for party in cast:
            self.join(party)

    # What came of it

    def state(self, name: str) -> Any:
        return self.ledger.state(name)

    @property
    def last(self) -> replay.Effect:
        """What the last event did."""
        return self.effects[-1]

    @property
    def alarm(self) -> str:
        """The rule that the last event broke; empty if none."""
        return self.last.alarm or ""

    @property
    def alarms(self) -> list[str]:
        return [effect.alarm for effect in self.effects if effect.alarm is not None]

    @property
    def unchecked(self) -> list[str]:
        return [digest for effect in self.effects for digest in effect.unchecked]

    def root(self) -> bytes:
        """The root of the map."""
        leaves = (
            (merkle_map.map_key(name), merkle_map.value_hash(state.encode()))
            for name, state in self.ledger.states.items()
        )
        return merkle_map.root(sorted(leaves))

    # Time and the log

    def wait(self, *, days: int = 0, seconds: int = 0) -> World:
        self.clock = times.plus(self.clock, days * DAY_S + seconds)
        return self

    def log(self, draft: dict[str, Any], **members: Any) -> replay.Effect:
        """Append an event as it is."""
        plain = {"time": self.clock, **draft, **members}
        event = events.read_event(events.event_of(plain).encode())
        effect = replay.apply(event, self.ledger, self.shelf)
        self.effects.append(effect)
        return effect

    def close_batch(self) -> World:
        self.log(
            {
                "t": "map-root",
                "map": 1,
                "size": self.ledger.size,
                "root": "sha256:" + self.root().hex(),
                "n": len(self.ledger.states),
                "fresh_for_s": DAY_S,
            }
        )
        return self

    def mark(self) -> tuple[Any, ...]:
        """How things stand, for ``back``."""
        ledger = self.ledger
        return (self.clock, dict(ledger.states), list(ledger.events), dict(ledger.spent), list(self.effects))

    def back(self, mark: tuple[Any, ...]) -> None:
        """As if nothing had happened since ``mark``; keys and evidence stay at hand."""
        ledger = replay.MemoryLedger()
        self.clock, states, logged, spent, effects = mark
        for event in logged:
            ledger.record(event)
        ledger.states, ledger.spent, self.effects = dict(states), dict(spent), list(effects)
        self.ledger = ledger

    # Keys and signatures

    def publish_keyset(self, keyset: Keyset, signers: Sequence[PrivateKey] | None = None) -> str:
        self.blobs[keyset.digest] = sign_keyset(keyset, list(signers or self.roots))
        return keyset.digest

    def make_record(self, party: str, label: str, method: str = "key", *, registry: str | None = None) -> str:
        """Make a key and its record; both are known from now on, the log knows nothing. Returns the key id."""
        signer = key("account") if method == "account" else key(label)
        record = KeyRecord(
            v=1,
            registry=registry or self.registry,
            party=party,
            method=method,  # type: ignore[arg-type]
            jwk=signer.jwk,
            salt=salt(f"{party} {label}"),
            passkey=None,
        )
        if method == "passkey":
            # Not readable yet, so nobody has the record at hand.
            self.keys[record.key_id], self.records[record.key_id] = signer, record
            return record.key_id
        self.keys[record.key_id], self.records[record.key_id] = signer, record
        self.proofs[record.key_id] = record.encode()
        return record.key_id

    def key_of(self, party: str) -> str:
        """The id of the party's newest key in force, else of the newest one made for it."""
        state = self.ledger.state(names.party(party))
        bound = [one.key for one in state.keys if one.until is None] if isinstance(state, PartyState) else []
        made = [key_id for key_id, record in self.records.items() if record.party == party]
        return ([one for one in made if one in bound] or made)[-1]

    def sign(
        self, kind: str, party: str, subject: str, *, with_key: str | None = None, hide: bool = False, **members: Any
    ) -> str:
        """A statement, signed and put into the archive. Returns its evidence digest."""
        self.count += 1
        key_id = with_key or self.key_of(party)
        at = members.pop("at", self.clock)
        widening = kind not in NARROWING
        plain: dict[str, Any] = {
            "v": 1,
            "type": kind,
            "registry": self.registry,
            "party": party,
            "by": party,
            "key": key_id,
            "subject": subject,
            "decision": "approve" if kind in DECIDING else None,
            "rights": [],
            "shown": None,
            "at": at,
            "not_after": times.plus(at, 30 * DAY_S) if widening else None,
            "nonce": salt(f"nonce {self.count}"),
            "body": {},
        }
        statement = convert(plain | members, Statement)
        raw = sign_statement(statement, self.keys[key_id])
        digest = canonical.digest(raw)
        if not (hide or self.secretive):
            self.proofs[digest] = raw
        return digest

    def act(
        self, draft: dict[str, Any], kind: str, signers: Iterable[str], *, hide: bool = False, **members: Any
    ) -> replay.Effect:
        """Sign an event's body for each signer, and append the event."""
        plain = {"time": self.clock, **draft}
        body = {} if kind in WITHOUT_BODY else body_of(json.loads(canonical.encode(plain)))
        subject = members.pop("subject", None) or canonical.digest(canonical.encode(body))
        signed = [self.sign(kind, party, subject, body=body, hide=hide, **members) for party in signers]
        several = draft["t"] in {"share-set", "withdraw", "party-key"}
        cited = (
            {"statements": canonical.sorted_set(signed)} if several else {"statement": signed[0] if signed else None}
        )
        return self.log(plain | cited)

    # Parties

    def join(self, party: str, *, kind: str | None = None, method: str = "key") -> World:
        """A party and its first key."""
        self.add_party(party, kind=kind)
        self.bind_key(party, method=method)
        return self

    def add_party(self, party: str, *, kind: str | None = None, members: Sequence[str] | None = None) -> replay.Effect:
        return self.log(
            {"t": "party", "party": party, "kind": kind or KINDS.get(party, "organisation"), "members": members}
        )

    def bind_key(
        self,
        party: str,
        label: str = "first",
        *,
        method: str = "key",
        bound_by: str | None = None,
        counts_from: str | None = None,
        hide: bool = False,
        **draft: Any,
    ) -> str:
        """Bind a new key, by an earlier one or as a first one. Returns its key id."""
        key_id = self.make_record(party, f"{party} {label}", method)
        delay = self.keyset.key_delay_s if bound_by is None else 0
        event = {
            "t": "party-key",
            "time": self.clock,
            "party": party,
            "key": key_id,
            "method": method,
            "bound_by": bound_by,
            "counts_from": counts_from or times.plus(self.clock, delay),
            **draft,
        }
        body = body_of(event)
        subject = canonical.digest(canonical.encode(body))
        keys = [key_id, *([bound_by] if bound_by else [])]
        hide = hide or method == "passkey"
        signed = [self.sign("key", party, subject, body=body, with_key=one, hide=hide) for one in keys]
        self.log(event, statements=canonical.sorted_set(signed))
        return key_id

    def end_key(
        self, party: str, key_id: str | None = None, *, by_operator: bool = False, **draft: Any
    ) -> replay.Effect:
        event = {
            "t": "party-key-end",
            "party": party,
            "key": key_id or self.key_of(party),
            "reason": "lost",
            "suspect_from": None,
            **draft,
        }
        return self.act(event, "key-end", [] if by_operator else [party])

    # Works, names, share sets

    def register(
        self, work: str, by: str, *, kind: str = "film", signed_by: str | None = None, **signing: Any
    ) -> replay.Effect:
        return self.act({"t": "work", "work": work, "kind": kind, "party": by}, "claim", [signed_by or by], **signing)

    def claim(
        self,
        name: str,
        work: str,
        by: str,
        *,
        level: str = "E3",
        ended: bool = False,
        signed_by: str | None = None,
        **signing: Any,
    ) -> replay.Effect:
        event = {"t": "alias", "name": name, "work": work, "party": by, "level": level, "ended": ended}
        return self.act(event, "claim", [signed_by or by], **signing)

    def share(
        self,
        work: str,
        holders: Iterable[str | tuple[str, str] | tuple[str, str, str]],
        links: Iterable[tuple[str, str | None]] = (),
        *,
        complete: bool = True,
        signed_by: Iterable[str] | None = None,
        told: dict[str, Any] | None = None,
        hide: bool = False,
        **signing: Any,
    ) -> replay.Effect:
        """The next share set of a work. A holder alone holds the copyright; else (right, party, level).

        Args:
            told: members of the event that differ from the document.
        """
        state = self.ledger.state(names.work(work))
        assert isinstance(state, WorkState)
        full = [_holder(one) for one in holders]
        previous = self.version_of(state.share_set)
        document = convert(
            {
                "v": 1,
                "registry": self.registry,
                "work": work,
                "version": previous + 1,
                "previous": state.share_set,
                "shares": canonical.sorted_set({"right": one["right"], "party": one["party"]} for one in full),
                "links": canonical.sorted_set({"rel": rel, "work": other} for rel, other in links),
                "complete": complete,
                "salt": salt(f"{work} {previous} {self.count}"),
            },
            ShareSet,
        )
        if not (hide or self.secretive):
            self.proofs[document.digest] = document.encode()
        event = {
            "t": "share-set",
            "work": work,
            "version": document.version,
            "previous": document.previous,
            "digest": document.digest,
            "holders": canonical.sorted_set(full),
            "links": [link.to_json() for link in document.links],
            "complete": complete,
            **(told or {}),
        }
        signers = sorted(replay.share_set_signers(state, convert_holders(event), document.links, self.ledger))
        return self.act(event, "shares", signers if signed_by is None else signed_by, hide=hide, **signing)

    def version_of(self, digest: str | None) -> int:
        for event in reversed(self.ledger.events):
            if isinstance(event, events.ShareSetChange) and event.digest == digest:
                return event.version
        return 0

    # Refusals

    def refuse(
        self,
        by: str,
        *,
        vendors: Any = ("*",),
        works: Any = ("*",),
        uses: Any = ("*",),
        label: str = "",
        **signing: Any,
    ) -> str:
        refusal = uid(f"refusal {by} {label}")
        lists = {"vendors": sorted(vendors), "works": sorted(works), "uses": sorted(uses)}
        self.act({"t": "refuse", "refusal": refusal, "party": by, **lists}, "refusal", [by], **signing)
        return refusal

    def end_refusal(self, refusal: str, by: str, *, signed_by: str | None = None, **signing: Any) -> replay.Effect:
        return self.act(
            {"t": "refuse-end", "refusal": refusal, "party": by}, "refusal-end", [signed_by or by], **signing
        )

    # Grants

    def offer(self, *works: str, label: str = "grant", public: bool = False, **members: Any) -> Offer:
        """An offer of these works, pinned to how things stand now."""
        kind, party = ("public", None) if public else ("party", VENDOR)
        terms: dict[str, Any] = {
            "v": 1,
            "registry": self.registry,
            "grant": uid(label),
            "licensee": {"kind": kind, "party": party, "affiliates": []},
            "works": sorted(works or (FILM,)),
            "excluded": [],
            "rights": ["copyright"],
            "rights_table": LATEST.digest,
            "share_sets": "",
            "uses": ["train.generative"],
            "bindings": ["digest", "location", "named"],
            "locators": [FILM_PREFIX],
            "copies": "acquired_after",
            "modalities_in": ["video"],
            "modalities_out": ["video"],
            "models": ["A-Video"],
            "distribution": ["internal"],
            "territory": ["JP", "US"],
            "valid_from": None,
            "valid_until": END,
            "withdrawal": {"by": "any", "notice_s": 0},
            "conditions": {},
            "texts": [],
            "supersedes": [],
            "lapse_at": times.plus(self.clock, 60 * DAY_S),
            "salt": salt(label),
            **members,
        }
        if not terms["share_sets"]:
            needed = consent.required(
                tuple(terms["works"]),
                tuple(terms["excluded"]),
                tuple(terms["uses"]),
                tuple(terms["modalities_in"]),
                LATEST,
                self.ledger,
            )
            terms["share_sets"] = needed.share_sets
        offer = convert(terms, Offer)
        self.offers[offer.digest] = offer
        self.blobs[offer.digest] = offer.encode()
        return offer

    def needed(self, offer: Offer) -> consent.Requirement:
        return consent.required_by(offer, SHIPPED.get(offer.rights_table, LATEST), self.ledger)

    def approve(self, offer: Offer, by: str, **signing: Any) -> str:
        return self.sign("approval", by, offer.digest, **{"rights": list(offer.rights), **signing})

    def accept(self, offer: Offer, by: str | None = None, **signing: Any) -> str:
        return self.sign("acceptance", by or offer.licensee.party or "", offer.digest, **signing)

    def issue(
        self,
        offer: Offer,
        *,
        approvals: Sequence[str] | None = None,
        approved_by: Iterable[str] | None = None,
        acceptances: Sequence[str] | None = None,
        signer: PrivateKey | None = None,
        token: bytes | None = None,
        hide: bool = False,
        **told: Any,
    ) -> replay.Effect:
        """Countersign and log a grant; by default with every approval and the acceptance it needs.

        Args:
            approvals, acceptances: evidence digests to cite instead.
            told: members of the event that differ from the honest ones.
        """
        needed = self.needed(offer)
        if approvals is None:
            parties = needed.parties if approved_by is None else approved_by
            approvals = [self.approve(offer, party, hide=hide) for party in parties]
        if acceptances is None:
            acceptances = [self.accept(offer, hide=hide)] if offer.licensee.party else []
        cited = [grants.Evidence(type="approval", digest=one) for one in approvals]
        cited += [grants.Evidence(type="acceptance", digest=one) for one in acceptances]
        signer = signer or key("grant")
        token = token or grants.sign(grants.credential(offer, cited), signer.jwk.thumbprint, signer.sign)
        digest = canonical.digest(token)
        self.blobs[digest] = token
        methods = [self._method(party) for party in needed.parties]
        weakest = min(methods or ["key"], key=["account", "passkey", "key"].index)
        event = {
            "t": "grant",
            "grant": offer.grant,
            "digest": digest,
            "offer": offer.digest,
            "works": list(offer.works),
            "valid_from": offer.valid_from,
            "valid_until": offer.valid_until,
            "method": weakest,
            "level": needed.level,
        }
        return self.log(event | told)

    def _method(self, party: str) -> str:
        state = self.ledger.state(names.party(party))
        bound = state.key(self.key_of(party)) if isinstance(state, PartyState) else None
        return bound.method if bound else "key"

    def grant_state(self, grant: str | Offer) -> GrantState:
        state = self.ledger.state(names.grant(grant.grant if isinstance(grant, Offer) else grant))
        assert isinstance(state, GrantState)
        return state

    def withdraw(
        self, grant: str | Offer, *by: str, signed_by: Iterable[str] | None = None, **draft: Any
    ) -> replay.Effect:
        state = self.grant_state(grant)
        event = {
            "t": "withdraw",
            "grant": state.terms.grant,
            "parties": sorted(by),
            "ends_at": draft.get("ends_at") or times.plus(self.clock, state.terms.withdrawal.notice_s),
        }
        return self.act(event, "withdrawal", by if signed_by is None else signed_by, subject=state.digest)

    def suspend(self, grant: str | Offer, cause: str = "court", *, by: str | None = None) -> int:
        """Returns the position of the suspension."""
        state = self.grant_state(grant)
        event = {"t": "suspend", "grant": state.terms.grant, "cause": cause, "party": by}
        if cause == "holder":
            self.act(event, "pause", [by or ""], subject=state.digest)
        else:
            self.log({**event, "statement": None})
        return self.ledger.size - 1

    def resume(self, grant: str | Offer, ends: int, *, by: str | None = None, **signing: Any) -> replay.Effect:
        state = self.grant_state(grant)
        event = {"t": "resume", "grant": state.terms.grant, "ends": ends, "party": by}
        if by is None:
            return self.log({**event, "statement": None})
        subject = canonical.digest(self.ledger.event(ends).encode())
        return self.act(event, "resume", [by], subject=subject, **signing)

    def supersede(self, grant: str | Offer, following: str | Offer) -> replay.Effect:
        ids = [one.grant if isinstance(one, Offer) else one for one in (grant, following)]
        return self.log({"t": "supersede", "grant": ids[0], "next": ids[1]})

    # Questions

    def ask(self, **members: Any) -> Decision:
        """Ask as the licensee does, but for the members given; ``None`` leaves one out."""
        asked = {**QUESTION, **members}
        if {"url", "work", "identifier"} & members.keys():
            asked.pop("sha256")
        parsed = query.parse({name: value for name, value in asked.items() if value is not None}, now=self.clock)
        return decide(parsed, self.ledger)

    def reason(self, **members: Any) -> str:
        return self.ask(**members).reason

    # Stories that many tests begin with

    @classmethod
    def with_film(cls, **options: Any) -> World:
        """The publisher's manga, and the film of the committee's three members that is based on it."""
        world = cls(**options, cast=[STUDIO, *MEMBERS, PUBLISHER, VENDOR, OTHER_VENDOR, STRANGER])
        world.add_party(COMMITTEE, kind="committee", members=sorted(MEMBERS))
        world.wait(seconds=world.keyset.key_delay_s)
        world.register(MANGA, PUBLISHER, kind="manga")
        world.register(FILM, STUDIO)
        world.claim(FILM_FILE, FILM, STUDIO)
        world.claim(FILM_PREFIX, FILM, STUDIO)
        world.claim("id:eidr:10.5240-film", FILM, STUDIO)
        world.share(MANGA, [PUBLISHER])
        world.share(FILM, [STUDIO, *MEMBERS], [("based_on", MANGA)])
        return world.close_batch()

    @classmethod
    def granted(cls, *, public: bool = False, **terms: Any) -> World:
        """As ``with_film``, and ten days later a grant; asked a day after that."""
        world = cls.with_film()
        world.wait(days=10)
        world.issue(world.offer(public=public, **terms))
        world.close_batch().wait(days=1)
        return world

    def _keyset(self, key_delay_s: int) -> Keyset:
        keys = [
            RegistryKey(jwk=key(use).jwk, use=use, from_=START, until=None)
            for use in ("log", "grant", "receipt", "account")
        ]
        return Keyset(
            v=1,
            registry=None,
            version=1,
            previous=None,
            threshold=1,
            roots=tuple(root.jwk for root in self.roots),
            keys=tuple(sorted(keys, key=lambda one: one.encode())),
            key_delay_s=key_delay_s,
        )


def convert_holders(event: dict[str, Any]) -> Any:
    """The holders of a share-set event as records."""
    return [msgspec.convert(one, Holder) for one in event["holders"]]


def _holder(one: str | tuple[str, ...]) -> dict[str, str]:
    if isinstance(one, str):
        return {"right": "copyright", "party": one, "level": "E3"}
    return {"right": one[0], "party": one[1], "level": one[2] if len(one) > 2 else "E3"}
