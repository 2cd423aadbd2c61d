"""A registry in memory for the tests of bundle, verify and fsck: the cast of scenario 1 under the shipped rights table.

An honest world replays every event; a dishonest one holds all the registry's keys and writes states as it likes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from priorconsent import canonical, events, grants, keys, merkle_map, names, replay, snapshot, states, times
from priorconsent.court import bundle, container, papers
from priorconsent.court.gather import gather
from priorconsent.log import tiles, tree
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.offers import Offer
from priorconsent.records import convert
from priorconsent.rights import LATEST
from priorconsent.states import GrantState, LifeEntry, WorkState
from tests import scenario as cast

OFFER = msgspec.structs.replace(cast.OFFER, rights_table=LATEST.digest)
HOLDERS = (cast.STUDIO, cast.PUBLISHER)


class Archive(replay.Archive):
    """Blobs and evidence of a scenario."""

    def __init__(self, made: cast.Scenario) -> None:
        self.made = made

    def blob(self, digest):
        return self.made.blobs.get(digest)

    def evidence(self, digest):
        return self.made.evidence.get(digest)


class World:
    """A log that grows event by event."""

    def __init__(self) -> None:
        self.made = cast.Scenario()
        self.archive = Archive(self.made)
        self.ledger = replay.MemoryLedger()
        self.maps: dict[int, dict[str, states.State]] = {}
        self.made.blobs[cast.REGISTRY] = keys.sign_keyset(cast.KEYSET, [cast.ROOT_KEY])
        self.made.blobs[LATEST.digest] = LATEST.encode()
        self.made.evidence |= {record.key_id: record.encode() for record in cast.KEY_RECORDS.values()}
        self.made.evidence |= {shares.digest: shares.encode() for shares in cast.SHARE_SETS.values()}

    def log(self, draft: dict[str, Any], time: str) -> None:
        if draft["t"] == "rights-table":
            draft = {**draft, "digest": LATEST.digest}
        self.take(draft, time)

    def take(self, draft: dict[str, Any], time: str) -> None:
        """Log what replay takes, to the letter."""
        cast._log(self.made, draft, time)
        effect = replay.apply(events.read_event(self.made.events[-1]), self.ledger, self.archive)
        assert effect.alarm is None, effect.alarm

    def append(self, event: dict[str, Any], time: str) -> None:
        """Log an event without asking what it does, as a dishonest registry would."""
        read = events.event_of({**event, "time": time})
        self.made.events.append(read.encode())
        self.ledger.record(read)

    def seal(self, time: str) -> int:
        """End the batch with a map-root; the size of the log."""
        items = sorted(
            (merkle_map.map_key(name), merkle_map.value_hash(state.encode()))
            for name, state in self.ledger.states.items()
        )
        size = len(self.made.events)
        draft = {"t": "map-root", "map": 1, "size": size, "n": len(items), "fresh_for_s": 86400}
        self.append({**draft, "root": "sha256:" + merkle_map.root(items).hex()}, time)
        self.maps[size + 1] = dict(self.ledger.states)
        return size + 1

    def begin(self) -> World:
        """Batch A of scenario 1."""
        for draft in cast._batch_a():
            self.log(draft, cast.BATCH_A)
        self.seal(cast.BATCH_A)
        return self

    def sign_grant(
        self, offer: Offer = OFFER, approvers: Sequence[str] = HOLDERS, acceptors: Sequence[str] = (cast.VENDOR,)
    ) -> dict[str, Any]:
        """The grant event, its token and its statements."""
        signers = [*(("approval", one) for one in approvers), *(("acceptance", one) for one in acceptors)]
        cited = []
        for second, (kind, party) in enumerate(signers):
            # No two in the same second: then they would be one.
            at = times.plus(cast.BATCH_B, -second)
            cited.append({"type": kind, "digest": cast._state(self.made, kind, party, offer.digest, {}, at)})
        content = grants.credential(offer, [convert(one, grants.Evidence) for one in cited])
        self.made.token = grants.sign(content, cast.GRANT_KEY.jwk.thumbprint, cast.GRANT_KEY.sign)
        self.made.blobs |= {canonical.digest(self.made.token): self.made.token, offer.digest: offer.encode()}
        return {
            "t": "grant",
            "grant": offer.grant,
            "digest": canonical.digest(self.made.token),
            "offer": offer.digest,
            "works": list(offer.works),
            "valid_from": offer.valid_from,
            "valid_until": offer.valid_until,
            "method": "key",
            "level": "E3",
        }

    def force(self, event: dict[str, Any], offer: Offer, time: str, /, **changes: Any) -> None:
        """Log a grant that replay would refuse, and show it in the map all the same."""
        pos = len(self.made.events)
        self.append({**event, **changes}, time)
        logged = events.read_event(self.made.events[-1])
        assert isinstance(logged, events.GrantAdd)
        life = (LifeEntry(s="active", pos=pos, time=time, ends_at=None, cause=None),)
        state = GrantState(
            digest=logged.digest,
            offer_digest=logged.offer,
            terms=offer,
            method=logged.method,
            level=logged.level,
            valid_from=logged.valid_from,
            valid_until=logged.valid_until,
            life=life,
            pos=pos,
        )
        self.ledger.put(names.grant(offer.grant), state)
        for work in offer.works:
            before = self.ledger.state(names.work(work))
            assert isinstance(before, WorkState)
            self.ledger.put(names.work(work), msgspec.structs.replace(before, grants=(offer.grant,), pos=pos))

    # What a registry hands out

    def leaf(self, name: str, size: int) -> bundle.MapLeaf:
        """A state with its proof in the map of a checkpoint."""
        items = sorted(
            (merkle_map.map_key(one), merkle_map.value_hash(state.encode())) for one, state in self.maps[size].items()
        )
        proof = merkle_map.prove(items, merkle_map.map_key(name))
        return bundle.MapLeaf(
            name=name,
            siblings=tuple("sha256:" + one.hex() for one in proof.siblings),
            state=self.maps[size][name].to_json(),
        )

    def first(self, size: int, pos: int) -> bundle.First:
        entries = self.made.events[:size]
        return bundle.First(
            event=entries[pos],
            proof=cast.prove(entries, pos),
            map_root=entries[-1],
            map_root_proof=cast.prove(entries, size - 1),
        )

    def now(self, size: int, first: int) -> bundle.Now:
        entries = self.made.events[:size]
        nodes = tree.Appended([tree.leaf_hash(entry) for entry in entries])
        return bundle.Now(
            map_root=entries[-1],
            map_root_proof=cast.prove(entries, size - 1),
            consistency=tuple(tree.consistency_proof(first, size, nodes)),
        )

    def stamped(self, first: int, size: int, *tokens: Callable[[bytes], bytes]) -> bundle.Stamped:
        """A checkpoint with the time-stamps that authorities make over its text."""
        nodes = tree.Appended([tree.leaf_hash(entry) for entry in self.made.events[:size]])
        text = Checkpoint(cast.ORIGIN, size, tree.tree_root(size, nodes)).text().encode()
        consistency = tuple(tree.consistency_proof(first, size, nodes))
        return bundle.Stamped(text, consistency, tuple(stamp(text) for stamp in tokens))

    def bundle(self, first: int, now: int, pos: int | None = None, stamped: bundle.Stamped | None = None) -> bytes:
        pos = first - 2 if pos is None else pos
        evidence = gather(self.made.token, self.archive, View(self.maps[first]), View(self.maps[now]))
        leaves = [self.leaf(name, now) for name in evidence.names]
        return bundle.build(evidence, self.first(first, pos), self.now(now, first), leaves, stamped)

    def publish(self, folder: Path) -> Path:
        """All public files, as fsck reads them."""
        size = len(self.made.events)
        nodes = tree.Appended([tree.leaf_hash(entry) for entry in self.made.events])
        for tile in tiles.tiles_to_write(0, size):
            start = tile.index * tiles.TILE_WIDTH
            entries = self.made.events[start : start + tile.width]
            content = tiles.encode_entries(entries) if tile.level is None else tiles.tile_bytes(tile, nodes)
            write(folder / "log" / tile.path, content)
        for kind, stored in (("blob", self.made.blobs), ("evidence", self.made.evidence)):
            for digest, raw in stored.items():
                write(folder / kind / "sha256" / digest.removeprefix("sha256:"), raw)
        note = cast.sign_log(self.made.events)
        write(folder / "log" / "checkpoint", note)
        (folder / "snapshots").mkdir(exist_ok=True)
        file = folder / "snapshots" / f"{size}.sqlite"
        leaves = [(name, state.encode()) for name, state in self.maps[size].items()]
        snapshot.build(
            file,
            leaves,
            registry=cast.REGISTRY,
            checkpoint=note,
            map_root=self.made.events[-1],
            proof=cast.prove(self.made.events, size - 1),
        )
        latest = {"size": size, "file": file.name, "sha256": canonical.digest(file.read_bytes())[7:]}
        write(folder / "snapshots" / "latest.json", canonical.encode(latest))
        return folder


class View:
    """States of one map."""

    def __init__(self, kept: Mapping[str, states.State]) -> None:
        self.state = kept.get


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@functools.cache
def honest() -> World:
    """Scenario 1: granted in the log of 20, withdrawn in that of 22. Not to be changed."""
    world = World().begin()
    world.log(world.sign_grant(), cast.BATCH_B)
    world.seal(cast.BATCH_B)
    withdrawal = {"t": "withdraw", "grant": cast.GRANT, "parties": [cast.STUDIO], "ends_at": cast.BATCH_C}
    signed = ("withdrawal", cast.STUDIO, canonical.digest(world.made.token))
    world.log({**withdrawal, "_signed": signed}, cast.BATCH_C)
    world.seal(cast.BATCH_C)
    return world


@functools.cache
def granted() -> bytes:
    """The bundle of the day of the grant."""
    return honest().bundle(20, 20)


@functools.cache
def withdrawn() -> bytes:
    """The bundle of the day of its withdrawal."""
    return honest().bundle(20, 22)


def dishonest(tamper: Callable[[World], None] | None = None, offer: Offer = OFFER, **signers: Sequence[str]) -> bytes:
    """The bundle of a grant that replay would refuse, by a registry that signs anything."""
    world = World().begin()
    event = world.sign_grant(offer, **signers)
    if tamper is not None:
        tamper(world)
    world.force(event, offer, cast.BATCH_B)
    size = world.seal(cast.BATCH_B)
    return world.bundle(size, size)


def repack(raw: bytes, changes: Mapping[str, bytes | None], *, renew: bool = True) -> bytes:
    """The bundle with files changed, added or (``None``) removed; papers and manifest made anew if they can be."""
    files = {name: content for name, content in {**container.unpack(raw), **changes}.items() if content is not None}
    if renew:
        made_anew = (*papers.NAMES, papers.MANIFEST)
        rest = {name: content for name, content in files.items() if name not in made_anew}
        files |= papers.render(rest)
        files[papers.MANIFEST] = papers.manifest(files)
    return container.pack(files)
