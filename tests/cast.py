"""A small cast with real keys, on a real registry, by a clock of its own.

The film is by a production committee of three, from a manga that a publisher holds; the studio registered
it. A vendor asks; another vendor and a stranger look on. Everything goes through the verbs and the
sequencer, nothing is set by hand. ``Cast(now)`` needs a database and a folder of its own for the registry's
keys and files: ``tests/stage.py`` has the fixtures. Use it within ``sequenced_by_caller()``.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from licences.models import Offer
from licences.states import State
from licences.verbs.accept import accept_offer
from licences.verbs.approve import approve_offer
from licences.verbs.draft import draft
from licences.verbs.issue import issue_grant
from licences.verbs.offer import offer_grant
from licences.verbs.suspend import suspend_grant
from licences.verbs.withdraw import withdraw_grant
from priorconsent import canonical, names, statements, times
from priorconsent.keys import KeyRecord, PrivateKey
from priorconsent.states import GrantState
from priorconsent.states import State as MapState
from registry import ids
from registry.actor import Actor
from registry.models import ShareSet, Work
from registry.share_sets import body_to_sign, document_of
from registry.verbs.add_party import add_party
from registry.verbs.add_work import Description, File, Title, add_work
from registry.verbs.bind_key import bind_key
from registry.verbs.check_names import check_names
from registry.verbs.check_shares import check_shares
from registry.verbs.claim_name import claim_name
from registry.verbs.propose_shares import propose_shares
from registry.verbs.refuse import refuse
from registry.verbs.register_work import register_work
from registry.verbs.sign_shares import sign_shares
from transparency.keysets import found_registry
from transparency.sequencer import run, sequence
from transparency.store import current_states

FOUNDED = "2026-12-01T00:00:00Z"
DAY_S = 86_400
WIDENING_DAYS = 30
OPERATOR = Actor(party=None, role="operator", proof="operator", label="operator@example.org")
FILM_FILE = canonical.digest(b"film-file")
FILM_PREFIX = "prefix:https://studio.example/film/"


@dataclass(frozen=True)
class Player:
    """A party with its key.

    Args:
        record: canonical bytes of the key record.
    """

    name: str
    party: str
    key: PrivateKey
    record: bytes

    @property
    def key_id(self) -> str:
        return canonical.tagged_digest("prior-consent-key/v1", self.record)

    @property
    def actor(self) -> Actor:
        """As the one who hands in what the party signed."""
        return Actor(party=self.party, role="signer", proof="statement", label=self.name)


class Cast:
    """The players, their works, and everything they do."""

    def __init__(self, founded: str = FOUNDED) -> None:
        self.registry = found_registry(founded)
        self.now = founded
        self.players: dict[str, Player] = {}
        self.works: dict[str, str] = {}

    def __getattr__(self, name: str) -> Player:
        players: dict[str, Player] = self.__dict__.get("players", {})
        if name not in players:
            raise AttributeError(name)
        return players[name]

    # --- time and log -------------------------------------------------------------------------------

    def wait(self, seconds: int = 3600) -> str:
        """Let time pass."""
        self.now = times.plus(self.now, seconds)
        return self.now

    def log(self) -> None:
        """Sequence what waits, by the cast's clock; publishes nothing."""
        while sequence(self.now) is not None:
            pass

    def publish(self) -> None:
        """Sequence, sign, publish, and let the followers catch up."""
        from transparency.followers import run_followers

        run(self.now)
        run_followers()

    def state(self, name: str) -> MapState | None:
        return current_states().state(name)

    def grant_state(self, offer: Offer) -> GrantState:
        state = self.state(names.grant(offer.grant))
        assert isinstance(state, GrantState)
        return state

    # --- parties and statements ---------------------------------------------------------------------

    def enter(self, name: str, kind: str = "organisation", **more: Any) -> Player:
        """A party comes in and binds its first key; nothing is sequenced yet."""
        row = add_party(OPERATOR, kind=kind, names={"en": name.replace("_", " ").title()}, now=self.now, **more)
        player = self._with_new_key(name, row.urn)
        self.players[name] = player
        if kind != "committee":
            self.bind(player)
        return player

    def _with_new_key(self, name: str, party: str) -> Player:
        key = PrivateKey(hashlib.sha256(f"{name}-{len(self.players)}".encode()).digest())
        return Player(name, party, key, self.record_of(party, key))

    def record_of(self, party: str, key: PrivateKey) -> bytes:
        salt = canonical.to_base64url(secrets.token_bytes(16))
        return KeyRecord(
            v=1, registry=self.registry, party=party, method="key", jwk=key.jwk, salt=salt, passkey=None
        ).encode()

    def another_key(self, player: Player, seed: str = "another") -> Player:
        """The same party with a key that is not bound yet."""
        key = PrivateKey(hashlib.sha256(f"{player.name}-{seed}".encode()).digest())
        return replace(player, key=key, record=self.record_of(player.party, key))

    def bind(self, player: Player, by: Player | None = None) -> None:
        """Bind a key, vouched for by an earlier one or by nobody."""
        body = {
            "party": player.party,
            "key": player.key_id,
            "method": "key",
            "bound_by": by.key_id if by else None,
        }
        signed = [self.sign(one, "key", body) for one in (player, *((by,) if by else ()))]
        bind_key(player.actor, player.record, signed, self.now)

    def sign(
        self,
        player: Player,
        kind: str,
        body: dict[str, Any] | None = None,
        *,
        subject: str | None = None,
        decision: str | None = None,
        rights: Iterable[str] = (),
        **other: Any,
    ) -> bytes:
        """A statement by a player, signed now.

        Args:
            other: members that differ from the usual.
        """
        widening = kind in statements.WIDENING
        members: dict[str, Any] = {
            "v": 1,
            "type": kind,
            "registry": self.registry,
            "party": player.party,
            "by": player.party,
            "key": player.key_id,
            "subject": subject or canonical.digest(canonical.encode(body or {})),
            "decision": decision,
            "rights": sorted(rights),
            "shown": None,
            "at": self.now,
            "not_after": times.plus(self.now, WIDENING_DAYS * DAY_S) if widening else None,
            "nonce": canonical.to_base64url(secrets.token_bytes(16)),
            "body": body or {},
        }
        statement = statements.Statement.parse(canonical.encode(members | other))
        return statements.sign(statement, player.key)

    # --- works --------------------------------------------------------------------------------------

    def register(self, name: str, kind: str, by: Player, **told: Any) -> Work:
        """Add a work and claim it; nothing is sequenced yet."""
        title = Title("en", "main", name.replace("_", " ").title())
        work = add_work(by.actor, by.party, Description(kind=kind, titles=(title,), **told), self.now)
        body = {"work": work.urn, "kind": kind, "party": by.party}
        register_work(by.actor, self.sign(by, "claim", body), self.now)
        self.works[name] = work.urn
        return work

    def check_names(self, player: Player, work: str, names: Iterable[str]) -> None:
        """The operator records how control of names was shown."""
        check_names(OPERATOR, party=player.party, work=self.works[work], aliases=names, seen="a file", now=self.now)

    def check_shares(self, row: ShareSet, holders: Sequence[tuple[str, Player]] | None = None) -> None:
        """The operator records what was seen for a proposal, for all that it names or for some."""
        only = None if holders is None else [(right, player.party) for right, player in holders]
        check_shares(OPERATOR, [row.digest], holders=only, seen="deed", now=self.now)

    def share(
        self,
        work: str,
        shares: Sequence[tuple[str, Player]],
        links: Sequence[tuple[str, str | None]] = (),
        *,
        complete: bool = True,
        checked: bool = True,
        signed_by: Sequence[Player],
    ) -> ShareSet:
        """Propose a share set, have it checked unless said otherwise, and have players sign it."""
        row = self.propose(work, shares, links, complete=complete, by=signed_by[0])
        if checked:
            self.check_shares(row)
        for player in signed_by:
            row = self.sign_shares(row, player)
        return row

    def propose(
        self,
        work: str,
        shares: Sequence[tuple[str, Player]],
        links: Sequence[tuple[str, str | None]] = (),
        *,
        complete: bool = True,
        by: Player,
    ) -> ShareSet:
        return propose_shares(
            by.actor,
            self.works[work],
            shares=[(right, player.party) for right, player in shares],
            links=[(rel, self.works[linked] if linked else None) for rel, linked in links],
            complete=complete,
            now=self.now,
        )

    def sign_shares(self, row: ShareSet, player: Player) -> ShareSet:
        return sign_shares(player.actor, self.sign(player, "shares", body_to_sign(document_of(row))), self.now)

    def claim(self, player: Player, name: str, work: str, *, ended: bool = False) -> dict[str, Any]:
        body = {"name": name, "work": self.works[work], "party": player.party, "ended": ended}
        return claim_name(player.actor, self.sign(player, "claim", body), self.now)

    def refuse(
        self,
        player: Player,
        *,
        vendors: Sequence[str] = ("*",),
        works: Sequence[str] = ("*",),
        uses: Sequence[str] = ("*",),
    ) -> str:
        """A standing no; its id."""
        body = {
            "refusal": ids.new_record(),
            "party": player.party,
            "vendors": sorted(vendors),
            "works": sorted(works),
            "uses": sorted(uses),
        }
        return refuse(player.actor, self.sign(player, "refusal", body), self.now).urn

    # --- offers and grants --------------------------------------------------------------------------

    def terms(self, **other: Any) -> dict[str, Any]:
        """What is usually drafted: the vendor may train one model with the film's video for a year."""
        return {
            "licensee": {"kind": "party", "party": self.vendor.party, "affiliates": []},
            "works": [self.works["film"]],
            "rights": ["copyright"],
            "uses": ["train.generative"],
            "bindings": ["digest", "location"],
            "locators": [FILM_PREFIX],
            "modalities_in": ["video"],
            "modalities_out": ["video"],
            "models": ["A-Video"],
            "distribution": ["internal"],
            "territory": ["JP", "US"],
            "valid_until": "2028-01-01T00:00:00Z",
            "withdrawal": {"by": "any", "notice_s": 0},
            "lapse_at": times.plus(self.now, 20 * DAY_S),
        } | other

    def draft(self, by: Player | None = None, **other: Any) -> Offer:
        return draft((by or self.studio).actor, self.terms(**other), self.now)

    def offer(self, by: Player | None = None, **other: Any) -> Offer:
        return offer_grant((by or self.studio).actor, self.draft(by, **other), self.now)

    def approve(self, offer: Offer, player: Player, decision: str = "approve", **other: Any) -> Offer:
        rights = offer.needs.get(player.party, ["copyright"])
        raw = self.sign(player, "approval", **{"subject": offer.digest, "decision": decision, "rights": rights} | other)
        return approve_offer(player.actor, raw, self.now)

    def accept(self, offer: Offer, player: Player | None = None, decision: str = "approve") -> Offer:
        licensee = player or self.vendor
        raw = self.sign(licensee, "acceptance", subject=offer.digest, decision=decision)
        return accept_offer(licensee.actor, raw, self.now)

    def issue(self, offer: Offer) -> Offer:
        """Issue by the registry itself; nothing is sequenced yet."""
        issue_grant(OPERATOR, Offer.objects.get(pk=offer.pk), self.now)
        return Offer.objects.get(pk=offer.pk)

    def withdraw(self, offer: Offer, player: Player) -> Offer:
        raw = self.sign(player, "withdrawal", subject=self.grant_state(offer).digest)
        return withdraw_grant(player.actor, raw, self.now)

    @property
    def holders(self) -> tuple[Player, ...]:
        """Whose yes the film takes: the committee's members, and the publisher for the manga."""
        return (self.studio, self.broadcaster, self.toy_maker, self.publisher)

    def grant_at(self, state: State, *, approved_by: Sequence[Player] | None = None, **other: Any) -> Offer:
        """An offer or a grant in a state, reached step by step and sequenced.

        Args:
            approved_by: for ``OFFERED``: who has approved so far; nobody if ``None``.
            other: terms that differ from the usual.
        """
        offer = self.draft(**other)
        if state == State.DRAFT:
            return offer
        offer = offer_grant(self.studio.actor, offer, self.now)
        signed = approved_by if approved_by is not None else (() if state == State.OFFERED else self.holders)
        for player in signed:
            offer = self.approve(offer, player)
        if state == State.OFFERED:
            return offer
        if state == State.DECLINED:
            return self.approve(offer, self.broadcaster, "decline")
        if offer.licensee:
            self.accept(offer)
        offer = self.issue(offer)
        self.log()
        if state == State.SUSPENDED:
            suspend_grant(OPERATOR, offer, cause="dispute", reason="a claim is being looked at", now=self.now)
            self.log()
        elif state == State.WITHDRAWN:
            self.withdraw(offer, self.studio)
            self.log()
        elif state != State.ACTIVE:
            raise ValueError(f"reach {state} step by step")
        return Offer.objects.get(pk=offer.pk)


def open_stage(founded: str = FOUNDED) -> Cast:
    """Everybody has come in, their keys count, the manga and the film are registered, checked and shared."""
    cast = Cast(founded)
    for name, kind in (
        ("studio", "organisation"),
        ("broadcaster", "organisation"),
        ("toy_maker", "organisation"),
        ("publisher", "organisation"),
        ("vendor", "ai_vendor"),
        ("other_vendor", "ai_vendor"),
        ("stranger", "organisation"),
    ):
        cast.enter(name, kind)
    members = [cast.studio.party, cast.broadcaster.party, cast.toy_maker.party]
    cast.enter("committee", "committee", members=members)
    cast.log()
    cast.wait(4 * DAY_S)
    film_file = File(FILM_FILE, 1_000_000, "video/mp4")
    cast.register("manga", "manga", cast.publisher)
    cast.register("film", "film", cast.studio, files=(film_file,), locators=(FILM_PREFIX,))
    cast.log()
    cast.check_names(cast.studio, "film", (FILM_FILE, FILM_PREFIX, "host:studio.example"))
    cast.share("manga", [("copyright", cast.publisher)], signed_by=[cast.publisher])
    cast.log()
    cast.share(
        "film",
        [("copyright", cast.studio), ("copyright", cast.broadcaster), ("copyright", cast.toy_maker)],
        [("based_on", "manga")],
        signed_by=[cast.studio],
    )
    cast.log()
    for name in (FILM_FILE, FILM_PREFIX, "host:studio.example"):
        cast.claim(cast.studio, name, "film")
    cast.log()
    cast.wait()
    return cast
