"""Everybody's hands: keys that lie in files, statements really signed, verbs called as the API calls them."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from api.demo.cast import Piece, Role
from licences.models import Offer
from licences.verbs.accept import accept_offer
from licences.verbs.approve import approve_offer
from licences.verbs.draft import draft
from licences.verbs.issue import issue_grant
from licences.verbs.offer import offer_grant
from licences.verbs.withdraw import withdraw_grant
from priorconsent import canonical, statements, times
from priorconsent.cli import keyfile
from priorconsent.keys import KeyRecord, PrivateKey
from registry import ids, share_sets
from registry.actor import Actor
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
from transparency import sequencer
from transparency.followers import run_followers

SIGNED_FOR_S = 30 * 86_400
HEARTBEAT_S = 28_800
OPERATOR = Actor(party=None, role="operator", proof="operator", label="demo operator")

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Player:
    """A party that signs.

    Args:
        actor: as the one who hands in what it signed.
    """

    party: str
    key: PrivateKey = field(repr=False)
    record: KeyRecord
    actor: Actor


class Stage:
    """The registry with its players and their works, by a clock of its own.

    Args:
        registry: its name, a digest.
        keys: folder for the players' keys.
        now: where the clock stands.
        told: is called whenever something took a while.
    """

    def __init__(self, registry: str, keys: Path, now: str, told: Progress) -> None:
        self.registry = registry
        self.now = now
        self.players: dict[str, Player] = {}
        self.parties: dict[str, str] = {}
        self.works: dict[str, str] = {}
        self.told = told
        self._keys = keys
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)

    # --- time ---------------------------------------------------------------------------------------

    def publish(self) -> None:
        """Log what waits, publish it, and let followers see it."""
        sequencer.sweep(self.now)
        run_followers()

    def wait_until(self, time: str) -> None:
        """Let time pass; the log says on the way that it is alive, as a server's sweep does."""
        while times.plus(self.now, HEARTBEAT_S) < time:
            self.now = times.plus(self.now, HEARTBEAT_S)
            self.publish()
        self.now = max(self.now, time)

    # --- parties ------------------------------------------------------------------------------------

    def enter(self, name: str, role: Role) -> None:
        """A party comes in and, unless it is a committee, binds its first key."""
        row = add_party(
            OPERATOR,
            kind=role.kind,
            names=role.names,
            members=[self.parties[member] for member in role.members],
            now=self.now,
        )
        self.parties[name] = row.urn
        if role.kind != "committee":
            self.players[name] = player = self._new_player(name, row.urn)
            body = {"party": player.party, "key": player.record.key_id, "method": "key", "bound_by": None}
            bind_key(player.actor, player.record.encode(), [self.sign(player, "key", body)], self.now)

    def _new_player(self, name: str, party: str) -> Player:
        private = Ed25519PrivateKey.generate()
        key = PrivateKey(private.private_bytes_raw())
        salt = canonical.to_base64url(secrets.token_bytes(16))
        record = KeyRecord(v=1, registry=self.registry, party=party, method="key", jwk=key.jwk, salt=salt, passkey=None)
        with warnings.catch_warnings():
            # These keys are worth nothing, and whoever plays on needs them as they are.
            warnings.simplefilter("ignore", keyfile.PlaintextKeyWarning)
            keyfile.write(self._keys / f"{name}.pem", private, record)
        return Player(party, key, record, Actor(party=party, role="signer", proof="statement", label=name))

    def sign(self, player: Player, kind: str, body: dict[str, Any] | None = None, **members: Any) -> bytes:
        """A statement, signed now.

        Args:
            members: those of the statement that are not as usual.
        """
        lapses = times.plus(self.now, SIGNED_FOR_S) if kind in statements.WIDENING else None
        plain = {
            "v": 1,
            "type": kind,
            "registry": self.registry,
            "party": player.party,
            "by": player.party,
            "key": player.record.key_id,
            "subject": canonical.digest(canonical.encode(body or {})),
            "decision": None,
            "rights": [],
            "shown": None,
            "at": self.now,
            "not_after": lapses,
            "nonce": canonical.to_base64url(secrets.token_bytes(16)),
            "body": body or {},
        }
        return statements.sign(statements.Statement.parse(canonical.encode(plain | members)), player.key)

    # --- works --------------------------------------------------------------------------------------

    def register(self, name: str, piece: Piece) -> None:
        """A work is described and claimed by its registrant."""
        player = self.players[piece.by]
        told = Description(
            kind=piece.kind,
            titles=tuple(Title(*title) for title in piece.titles),
            date=piece.date,
            rights_statement=piece.printed,
            identifiers=piece.numbers,
            files=tuple(_files(piece)),
            locators=(*piece.places, *urls_of(piece).values()),
        )
        work = add_work(player.actor, player.party, told, self.now)
        self.works[name] = work.urn
        body = {"work": work.urn, "kind": piece.kind, "party": player.party}
        register_work(player.actor, self.sign(player, "claim", body), self.now)

    def check(self, name: str, piece: Piece) -> None:
        """The operator asks for a file on the host, and writes down what was seen."""
        check_names(
            OPERATOR,
            party=self.parties[piece.by],
            work=self.works[name],
            aliases=names_of(piece),
            seen="deed of deposit, and a file put on the host",
            now=self.now,
        )

    def share(self, name: str, piece: Piece) -> None:
        """The registrant says who holds a work and what it is made from; the operator sees contracts for just that."""
        player = self.players[piece.by]
        row = propose_shares(
            player.actor,
            self.works[name],
            shares=[(right, self.parties[role]) for right, role in piece.shares],
            links=[(kind, self.works[linked]) for kind, linked in piece.links],
            complete=True,
            now=self.now,
        )
        check_shares(OPERATOR, [row.digest], seen="contracts shown at the counter", now=self.now)
        body = share_sets.body_to_sign(share_sets.document_of(row))
        sign_shares(player.actor, self.sign(player, "shares", body), self.now)

    def claim(self, name: str, by: str, aliases: Sequence[str]) -> None:
        """A party signs, for each of these names, that it stands for the work."""
        player = self.players[by]
        # One commit for all of them: waiting for the disk each time would be most of the demo.
        with transaction.atomic():
            for number, alias in enumerate(aliases, 1):
                body = {"name": alias, "work": self.works[name], "party": player.party, "ended": False}
                claim_name(player.actor, self.sign(player, "claim", body), self.now)
                self.told(f"{name}: {number} of {len(aliases)} names")

    def refuse(self, by: str, *, vendors: list[str], works: list[str], uses: list[str]) -> None:
        """A standing no."""
        player = self.players[by]
        body = {
            "refusal": ids.new_record(),
            "party": player.party,
            "vendors": vendors,
            "works": works,
            "uses": sorted(uses),
        }
        refuse(player.actor, self.sign(player, "refusal", body), self.now)

    # --- offers and grants --------------------------------------------------------------------------

    def offer(self, by: str, terms: dict[str, Any], licence: Any = None) -> Offer:
        """Draft an offer and put it to everybody whose yes it needs."""
        actor = self.players[by].actor
        return offer_grant(actor, draft(actor, terms, self.now, licence), self.now)

    def approve(self, offer: Offer, by: str, decision: str = "approve") -> Offer:
        """A holder's yes or no."""
        player = self.players[by]
        rights = sorted(offer.needs[player.party])
        raw = self.sign(player, "approval", subject=offer.digest, decision=decision, rights=rights)
        return approve_offer(player.actor, raw, self.now)

    def sign_all(self, offer: Offer) -> None:
        """Everybody whose yes it takes says yes, the licensee too."""
        roles = {party: name for name, party in self.parties.items()}
        for party in offer.needs:
            self.approve(offer, roles[party])
        if offer.licensee:
            player = self.players[roles[offer.licensee]]
            accepted = self.sign(player, "acceptance", subject=offer.digest, decision="approve")
            accept_offer(player.actor, accepted, self.now)

    def grant(self, offer: Offer) -> Offer:
        """Everybody signs, and the grant is issued."""
        self.sign_all(offer)
        issue_grant(OPERATOR, Offer.objects.get(pk=offer.pk), self.now)
        self.told("a grant is issued")
        return Offer.objects.get(pk=offer.pk)

    def withdraw(self, offer: Offer, by: str) -> None:
        """A holder ends a grant, by its terms."""
        player = self.players[by]
        issued = Offer.objects.select_related("issued").get(pk=offer.pk).issued
        withdraw_grant(player.actor, self.sign(player, "withdrawal", subject=issued.digest), self.now)


def names_of(piece: Piece) -> list[str]:
    """Every name that stands for a work, as the map spells it."""
    numbers = [f"id:{scheme}:{value}" for scheme, value in piece.numbers]
    return [*_digests(piece).values(), *urls_of(piece).values(), *piece.places, *numbers]


def urls_of(piece: Piece) -> dict[str, str]:
    """``url:`` name of each file that has a place of its own."""
    names = [name for files in piece.files for name in files.names()]
    return {name: f"url:{piece.folder}{name}" for name in names} if piece.folder else {}


def _digests(piece: Piece) -> dict[str, str]:
    return {name: canonical.digest(files.content(name)) for files in piece.files for name in files.names()}


def _files(piece: Piece) -> Iterable[File]:
    for files in piece.files:
        for name in files.names():
            content = files.content(name)
            yield File(canonical.digest(content), len(content), files.media_type)
