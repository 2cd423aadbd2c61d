"""A published log of any length: one studio claims files for one film, and parties come in.

Two entries of three cite a statement, really signed. The log is written as a registry publishes it, but that the map
is made without a look at those signatures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from priorconsent import canonical, replay, snapshot, times
from priorconsent import events as ev
from priorconsent.keys import KeyRecord, Keyset, PrivateKey, RegistryKey, sign_keyset
from priorconsent.log import tree
from priorconsent.log.checkpoint import Checkpoint, sign_checkpoint
from priorconsent.log.note import Verifier
from priorconsent.log.policy import Log, Policy
from priorconsent.log.proof import LogProof
from priorconsent.log.tiles import TILE_WIDTH, encode_entries, tile_bytes, tiles_to_write
from priorconsent.replay.file_ledger import FileLedger
from priorconsent.rights import LATEST
from priorconsent.statements import Statement, body_of, sign
from priorconsent.trust import Trust

BEGAN = "2026-12-01T00:00:00Z"
ORIGIN = "registry.example/1"
BATCH = 500
STUDIO, FILM = "urn:uuid:00000000-0000-4000-8000-000000000001", "urn:uuid:00000000-0000-4000-8000-0000000000a1"
ROOT, LOG, PARTY = (PrivateKey(hashlib.sha256(seed).digest()) for seed in (b"root", b"log", b"studio"))

_KEYSET = Keyset(
    v=1,
    registry=None,
    version=1,
    previous=None,
    threshold=1,
    roots=(ROOT.jwk,),
    keys=(RegistryKey(jwk=LOG.jwk, use="log", from_=BEGAN, until=None),),
    key_delay_s=0,
)
REGISTRY = _KEYSET.registry_id
_SALT = canonical.to_base64url(bytes(16))
_RECORD = KeyRecord(v=1, registry=REGISTRY, party=STUDIO, method="key", jwk=PARTY.jwk, salt=_SALT, passkey=None)


class _Blind(replay.Archive):
    """The blobs alone."""

    def blob(self, digest: str) -> bytes | None:
        return {REGISTRY: sign_keyset(_KEYSET, [ROOT]), LATEST.digest: LATEST.encode()}.get(digest)

    def evidence(self, digest: str) -> bytes | None:
        del digest
        return None


def trust() -> Trust:
    """Whoever reads these logs trusts this."""
    policy = Policy((Log(Verifier(ORIGIN, LOG.jwk.raw), "https://registry.example/log"),))
    return Trust(
        v=1,
        registry=REGISTRY,
        log_policy=policy.text(),
        roots=(ROOT.jwk.thumbprint,),
        threshold=1,
        tsa_ca=(),
        max_age_s=86400,
        key_delay_s=0,
        min_level="E1",
        min_method="passkey",
    )


def publish(folder: Path, size: int) -> int:
    """Write a log of so many entries and a few more; how many statements it has."""
    writer = _Writer(folder)
    for number in _drafts(writer, size):
        del number
    writer.end_batch()
    writer.finish()
    return writer.statements


def _drafts(writer: _Writer, size: int) -> Iterator[int]:
    for draft, kind in _beginning():
        writer.log(draft, kind)
    number = 0
    while writer.ledger.size < size:
        number += 1
        name = hashlib.sha256(b"%d" % number).hexdigest()
        claim = {"t": "alias", "name": f"sha256:{name}", "work": FILM, "party": STUDIO, "level": "E3", "ended": False}
        party = {"t": "party", "party": f"urn:uuid:00000000-0000-4000-9000-{number:012x}", "kind": "person"}
        writer.log(*((claim, "claim") if number % 3 else ({**party, "members": None}, None)))
        if number % BATCH == 0:
            writer.end_batch()
        yield number


def _beginning() -> Iterator[tuple[dict[str, Any], str | None]]:
    yield {"t": "log-open", "format": 1, "origin": ORIGIN, "registry": REGISTRY, "keyset": REGISTRY}, None
    yield {"t": "keyset", "version": 1, "digest": REGISTRY}, None
    yield {"t": "rights-table", "version": LATEST.version, "digest": LATEST.digest}, None
    yield {"t": "party", "party": STUDIO, "kind": "organisation", "members": None}, None
    bound = {"party": STUDIO, "key": _RECORD.key_id, "method": "key", "bound_by": None, "counts_from": BEGAN}
    yield {"t": "party-key", **bound}, "key"
    yield {"t": "work", "work": FILM, "kind": "film", "party": STUDIO}, "claim"


class _Writer:
    """Entries, evidence and map of a log as it grows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = FileLedger.temporary()
        self.entries: list[bytes] = []
        self.statements = 0
        archive = _Blind()
        self._archive = archive
        for digest in (REGISTRY, LATEST.digest):
            self._write("blob", digest, archive.blob(digest) or b"")
        self._write("evidence", _RECORD.key_id, _RECORD.encode())

    def log(self, draft: dict[str, Any], kind: str | None) -> None:
        """Log an event, supported by a statement of a type."""
        event = {**draft, "time": BEGAN}
        if kind is not None:
            digest = self._sign(kind, body_of(event))
            event |= {"statements": [digest]} if draft["t"] == "party-key" else {"statement": digest}
        self._append(ev.event_of(event))

    def end_batch(self) -> None:
        """End with a map-root."""
        root = f"sha256:{self.ledger.save().hex()}"
        n, size = self.ledger.leaves, self.ledger.size
        self._append(ev.MapRoot(time=BEGAN, map=1, size=size, root=root, n=n, fresh_for_s=86400))

    def finish(self) -> None:
        """Write log and snapshot."""
        size = len(self.entries)
        nodes = tree.Appended([tree.leaf_hash(raw) for raw in self.entries])
        for tile in tiles_to_write(0, size):
            first = tile.index * TILE_WIDTH
            entries = self.entries[first : first + tile.width]
            raw = encode_entries(entries) if tile.level is None else tile_bytes(tile, nodes)
            self._put(self.folder / "log" / tile.path, raw)
        note = sign_checkpoint(Checkpoint(ORIGIN, size, tree.tree_root(size, nodes)), LOG.sign, LOG.jwk.raw)
        self._put(self.folder / "log" / "checkpoint", note)
        proof = LogProof(size - 1, tuple(tree.inclusion_proof(size - 1, size, nodes)), note).to_bytes()
        path = self.folder / "snapshots" / f"{size}.sqlite"
        path.parent.mkdir()
        head = {"checkpoint": note, "map_root": self.entries[-1], "proof": proof}
        snapshot.build(path, self.ledger.leaves_of_map(), registry=REGISTRY, **head)
        latest = {"file": path.name, "sha256": canonical.digest(path.read_bytes())[7:], "size": size}
        self._put(path.with_name("latest.json"), canonical.encode(latest))

    def _append(self, event: ev.Event) -> None:
        effect = replay.apply(event, self.ledger, self._archive)
        assert effect.alarm is None, effect.alarm
        self.entries.append(event.encode())

    def _sign(self, kind: Any, body: dict[str, Any]) -> str:
        self.statements += 1
        statement = Statement(
            v=1,
            type=kind,
            registry=REGISTRY,
            party=STUDIO,
            by=STUDIO,
            key=_RECORD.key_id,
            subject=canonical.digest(canonical.encode(body)),
            decision=None,
            rights=(),
            shown=None,
            at=BEGAN,
            not_after=times.plus(BEGAN, 86400),
            nonce=canonical.to_base64url(self.statements.to_bytes(16, "big")),
            body=body,
        )
        raw = sign(statement, PARTY)
        digest = canonical.digest(raw)
        self._write("evidence", digest, raw)
        return digest

    def _write(self, kind: str, digest: str, raw: bytes) -> None:
        self._put(self.folder / kind / digest.replace(":", "/"), raw)

    @staticmethod
    def _put(path: Path, raw: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
