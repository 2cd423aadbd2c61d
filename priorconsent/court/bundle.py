"""The bundle: all the evidence for one grant in one file (docs/spec/files.md).

``build`` lays the pieces out under their names and adds the papers; ``read`` takes them apart again,
strictly: exactly the files listed here, and those named by a digest have it. Nothing is verified yet.
Receipts are added by whoever holds them (``adding``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta

from priorconsent import canonical, merkle_map, states
from priorconsent.contents import key_id_of
from priorconsent.court import container, papers, receipt_file
from priorconsent.errors import MalformedError
from priorconsent.grants import Token
from priorconsent.log import spelling
from priorconsent.log.tree import HASH_BYTES, MAX_PROOF_HASHES
from priorconsent.records import Digest, Record, Text, convert

REQUIRED = frozenset(
    {
        *papers.NAMES,
        papers.MANIFEST,
        "grant/token.jwt",
        "grant/offer.json",
        "rights-table.json",
        "first/event.json",
        "first/proof",
        "first/map-root.json",
        "first/map-root-proof",
        "now/map-root.json",
        "now/map-root-proof",
        "now/consistency",
    }
)
MAX_CONSISTENCY_BYTES = 1 << 13
MAX_STAMPS = 8
# All of them, or none: a bundle need not be time-stamped.
STAMPED = frozenset({"tsr/checkpoint", "tsr/consistency", "tsr/0.tsr"})

_LISTED = re.compile(
    r"statements/[0-9a-f]{64}|keys/[0-9a-f]{64}\.json|share-sets/[0-9a-f]{64}\.json|texts/[0-9a-f]{64}"
    r"|keysets/[1-9][0-9]{0,5}\.json|now/map/[0-9a-f]{64}\.json|tsr/checkpoint|tsr/consistency|tsr/[0-7]\.tsr"
    r"|receipts/[0-9a-f]{64}\.json",
    re.ASCII,
)


class MapLeaf(Record, frozen=True):
    """One name with its state, and the way from the map's root down to it.

    Args:
        siblings: from the root.
    """

    name: Text
    siblings: Annotated[tuple[Digest, ...], Meta(max_length=merkle_map.KEY_BITS)]
    state: dict[str, Any]

    def proved(self, root: bytes) -> states.State:
        """The state, if the map under ``root`` holds it.

        Raises:
            ProofError: it does not.
            MalformedError: it is no state of such a name.
        """
        raw = canonical.encode(self.state)
        key = merkle_map.map_key(self.name)
        path = tuple(canonical.digest_bytes(sibling) for sibling in self.siblings)
        merkle_map.check(merkle_map.Proof(key, path, (key, merkle_map.value_hash(raw))), root)
        return states.read_state(self.name, raw)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was signed for one grant, as raw bytes; ``gather`` finds it.

    Args:
        keysets: from version 1 to the one in force.
        names: whose states the bundle has to prove.
    """

    token: bytes
    statements: tuple[bytes, ...]
    key_records: tuple[bytes, ...]
    share_sets: tuple[bytes, ...]
    rights_table: bytes
    texts: tuple[bytes, ...]
    keysets: tuple[bytes, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class First:
    """The grant's event in the first checkpoint that holds it; proofs are tlog-proof files."""

    event: bytes
    proof: bytes
    map_root: bytes
    map_root_proof: bytes


@dataclass(frozen=True, slots=True)
class Now:
    """A later checkpoint, or the same, whose map shows the grant's state.

    Args:
        consistency: hashes that lead from the first checkpoint to this one (RFC 9162).
    """

    map_root: bytes
    map_root_proof: bytes
    consistency: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Stamped:
    """A checkpoint not before the first one, and what time-stamp authorities said about its text.

    Args:
        text: of the checkpoint, without signatures: the hashes that lead to it bind it better.
        consistency: hashes that lead from the first checkpoint to it (RFC 9162).
        tokens: time-stamp responses (RFC 3161), 1 to ``MAX_STAMPS``.
    """

    text: bytes
    consistency: tuple[bytes, ...]
    tokens: tuple[bytes, ...]


def build(
    evidence: Evidence, first: First, now: Now, leaves: Iterable[MapLeaf], stamped: Stamped | None = None
) -> bytes:
    """The bundle; the same pieces always make the same bytes.

    Args:
        leaves: under the root of ``now``, one for each of ``evidence.names``.
        stamped: ``None`` where no authority has been asked yet.

    Raises:
        MalformedError: a piece is not what it should be, or all of it is beyond a limit.
    """
    files = {
        "grant/token.jwt": evidence.token,
        "grant/offer.json": Token(evidence.token).offer.encode(),
        "rights-table.json": evidence.rights_table,
        "first/event.json": first.event,
        "first/proof": first.proof,
        "first/map-root.json": first.map_root,
        "first/map-root-proof": first.map_root_proof,
        "now/map-root.json": now.map_root,
        "now/map-root-proof": now.map_root_proof,
        "now/consistency": write_consistency(now.consistency),
    }
    files |= {f"keysets/{version}.json": raw for version, raw in enumerate(evidence.keysets, start=1)}
    files |= {f"statements/{_sha256(raw)}": raw for raw in evidence.statements}
    files |= {f"keys/{_key_id(raw)}.json": raw for raw in evidence.key_records}
    files |= {f"share-sets/{_sha256(raw)}.json": raw for raw in evidence.share_sets}
    files |= {f"texts/{_sha256(raw)}": raw for raw in evidence.texts}
    files |= {f"now/map/{merkle_map.map_key(leaf.name).hex()}.json": leaf.encode() for leaf in leaves}
    files |= _stamps(stamped) if stamped else {}
    return packed(files)


def packed(files: Mapping[str, bytes]) -> bytes:
    """The archive of these files, with the papers that tell of them.

    Raises:
        MalformedError: as for ``build``.
    """
    whole = {**files, **papers.render(files)}
    return container.pack({**whole, papers.MANIFEST: papers.manifest(whole)})


def _stamps(stamped: Stamped) -> dict[str, bytes]:
    if not 0 < len(stamped.tokens) <= MAX_STAMPS:
        raise MalformedError(f"{len(stamped.tokens)} time-stamps, a bundle holds 1 to {MAX_STAMPS} or nothing of them")
    files = {"tsr/checkpoint": stamped.text, "tsr/consistency": write_consistency(stamped.consistency)}
    return files | {f"tsr/{number}.tsr": token for number, token in enumerate(stamped.tokens)}


def read(raw: bytes) -> Bundle:
    """Take a bundle apart.

    Raises:
        MalformedError: another archive, or other files; all of the wrong ones are named.
    """
    files = container.unpack(raw)
    required = REQUIRED | (STAMPED if any(name.startswith("tsr/") for name in files) else frozenset())
    faults = [f"{name} is missing" for name in sorted(required - files.keys())]
    for name in sorted(files.keys() - REQUIRED):
        if _LISTED.fullmatch(name) is None:
            faults.append(f"{name[:100]!r} has no place in a bundle")
        elif not _fits(name, files[name]):
            faults.append(f"the content of {name} does not have the digest in its name")
    bundle = Bundle(files)
    if len(bundle.receipts) > receipt_file.MAX_RECEIPTS:
        faults.append(f"{len(bundle.receipts)} receipts, at most {receipt_file.MAX_RECEIPTS} are read")
    if faults:
        raise MalformedError("; ".join(faults))
    return bundle


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of a bundle by name."""

    files: Mapping[str, bytes]

    def __getitem__(self, name: str) -> bytes:
        return self.files[name]

    def folder(self, name: str) -> dict[str, bytes]:
        """The files of a folder of digests, by digest."""
        return {f"sha256:{_stem(path)}": raw for path, raw in self.files.items() if path.startswith(f"{name}/")}

    @property
    def keysets(self) -> list[bytes]:
        """From version 1 on.

        Raises:
            MalformedError: a version is missing.
        """
        versions = sorted(int(_stem(path)) for path in self.files if path.startswith("keysets/"))
        if versions != list(range(1, len(versions) + 1)) or not versions:
            raise MalformedError("the keysets do not begin with version 1 and go on one by one")
        return [self.files[f"keysets/{version}.json"] for version in versions]

    @property
    def stamps(self) -> dict[str, bytes]:
        """The time-stamps by their names, in order; empty if no authority was asked."""
        return {name: raw for name, raw in sorted(self.files.items()) if name.endswith(".tsr")}

    @property
    def receipts(self) -> dict[str, bytes]:
        """The receipts by the names of their files, in order; empty if nobody added one."""
        return {name: raw for name, raw in sorted(self.files.items()) if name.startswith(f"{receipt_file.FOLDER}/")}

    @property
    def leaves(self) -> list[MapLeaf]:
        """The proofs under the root of the later map."""
        return [read_leaf(raw) for raw in self.folder("now/map").values()]


def read_leaf(raw: bytes) -> MapLeaf:
    """Read one file of ``now/map``."""
    return convert(canonical.parse_canonical(raw, max_bytes=papers.MAX_LEAF_BYTES), MapLeaf)


def write_consistency(hashes: Iterable[bytes]) -> bytes:
    """A proof of consistency as lines of base64; empty if none is needed."""
    return "".join(f"{spelling.to_base64(one)}\n" for one in hashes).encode()


def read_consistency(raw: bytes) -> list[bytes]:
    """Read what ``write_consistency`` wrote.

    Raises:
        MalformedError: another form, or more than 63 hashes.
    """
    *lines, rest = spelling.decode_text(raw, max_bytes=MAX_CONSISTENCY_BYTES).split("\n")
    if rest or len(lines) > MAX_PROOF_HASHES:
        raise MalformedError("not a proof of consistency: up to 63 lines of base64, each ended")
    return [spelling.from_base64(line, length=HASH_BYTES) for line in lines]


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".json")


def _fits(name: str, content: bytes) -> bool:
    actual = _NAMED_BY[name.rpartition("/")[0]]
    return actual is None or actual(content) == _stem(name)


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _key_id(raw: bytes) -> str:
    return key_id_of(raw).removeprefix("sha256:")


def _map_key(raw: bytes) -> str | None:
    try:
        return merkle_map.map_key(read_leaf(raw).name).hex()
    except MalformedError:
        return None


def _receipt(raw: bytes) -> str | None:
    try:
        return _stem(receipt_file.read_shown(raw).file_name)
    except MalformedError:
        return None


# How the files of a folder get their names; ``None``: by version.
_NAMED_BY: dict[str, Callable[[bytes], str | None] | None] = {
    "statements": _sha256,
    "keys": _key_id,
    "share-sets": _sha256,
    "texts": _sha256,
    "now/map": _map_key,
    "receipts": _receipt,
    "keysets": None,
    "tsr": None,
}
