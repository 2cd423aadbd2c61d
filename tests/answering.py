"""Receipts in the world of the court tests: a registry that answers and anchors, honestly or as the test likes."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from pathlib import Path

import msgspec

from priorconsent import canonical, keys, query, receipts, times
from priorconsent.court import bundle, papers
from priorconsent.court.adding import Showing, add_receipt
from priorconsent.court.log_at_hand import LogAtHand, read_log
from priorconsent.court.published import Folder
from priorconsent.court.receipt_file import ShownReceipt
from priorconsent.court.reply import Reply
from priorconsent.decision import decide
from priorconsent.log import tree
from tests import court_world
from tests import scenario as cast
from tests.court_world import World

ISSUED = times.plus(cast.BATCH_B, 60)
ANCHORED = times.plus(ISSUED, 3600)
LATER = times.plus(ISSUED, 3 * 3600)
REQUEST = b'{"queries":[]}'
NONCE = cast.salt("the asker's")
KID = cast.RECEIPT_KEY.jwk.thumbprint


def question(**other):
    """A question of the vendor at the time of the receipt."""
    return query.parse({**cast.QUESTION, **other, "at": ISSUED}, now=ISSUED)


def leaves_of(world, size, *questions):
    """The answers that the map of a size gives, to the vendor's question by default."""
    states = court_world.View(world.maps[size])
    return [receipts.leaf(i, one, decide(one, states), states) for i, one in enumerate(questions or (question(),))]


def receipt_of(world, size, leaves, **changes):
    """A receipt for answers from the checkpoint of a size, with members changed."""
    root = tree.root(map(tree.leaf_hash, world.made.events[:size]))
    members = {
        "v": 1,
        "registry": cast.REGISTRY,
        "id": cast.salt("receipt"),
        "audience": None,
        "request": canonical.digest(REQUEST),
        "nonce": NONCE,
        "issued_at": ISSUED,
        "fresh_until": receipts.fresh_until(changes.get("issued_at", ISSUED), leaves, LATER),
        "checkpoint": {"origin": cast.ORIGIN, "size": size, "root": f"sha256:{root.hex()}"},
        "engine": receipts.ENGINE,
        "answers": receipts.answers_of(leaves).to_json(),
    }
    return receipts.Receipt.parse(canonical.encode(members | changes))


def sign(made, key=cast.RECEIPT_KEY, kid=KID):
    """The receipt as the registry hands it out."""
    return receipts.sign(made, kid, key.sign)


def anchor(world, time, *raws):
    """Log an anchor for receipts, and for one of somebody else."""
    listed = receipts.write_list([*map(canonical.digest, raws), canonical.digest(b"somebody else's")])
    digest = receipts.list_digest(listed)
    world.made.blobs[digest] = listed
    draft = {"t": "anchor", "kind": "receipts", "digest": digest, "party": None, "statement": None}
    world.log(draft, time)


def granted():
    """A world on the day of the grant, and the size of its log."""
    world = World().begin()
    world.log(world.sign_grant(), cast.BATCH_B)
    return world, world.seal(cast.BATCH_B)


def rotated(world, time, *, dropped=False):
    """A second keyset with another receipt key; the first one ends, or is no longer in it."""
    ended = [
        msgspec.structs.replace(one, until=time) if one.use == "receipt" else one
        for one in cast.KEYSET.keys
        if not (dropped and one.use == "receipt")
    ]
    new = keys.RegistryKey(jwk=cast.key("receipt-2").jwk, use="receipt", from_=time, until=None)
    keyset = msgspec.structs.replace(
        cast.KEYSET,
        registry=cast.REGISTRY,
        version=2,
        previous=cast.REGISTRY,
        keys=tuple(sorted([*ended, new], key=lambda one: one.encode())),
    )
    world.made.blobs[keyset.digest] = keys.sign_keyset(keyset, [cast.ROOT_KEY])
    world.log({"t": "keyset", "version": 2, "digest": keyset.digest}, time)
    return world.seal(time)


# In bundles


def at_hand(world: World) -> LogAtHand:
    """The log of a world, as somebody reads it from its public files."""
    with tempfile.TemporaryDirectory() as folder:
        log = read_log(Folder(world.publish(Path(folder))), cast.trust())
    # The folder is gone.
    return dataclasses.replace(log, blob=world.made.blobs.__getitem__)


def bundled(world: World, first: int, *replies: Reply, stamped: bundle.Stamped | None = None) -> bytes:
    """The newest bundle of the world's grant, with receipts that were added as their holder would."""
    raw = world.bundle(first, len(world.made.events), first - 2, stamped)
    log = at_hand(world)
    for reply in replies:
        raw, _ = add_receipt(raw, reply, log, cast.trust())
    return raw


def shown(world: World, receipt: bytes, leaves: list[receipts.AnswerLeaf], anchored: int | None = None) -> ShownReceipt:
    """What a bundle would show of a receipt, whether it counts or not.

    Args:
        anchored: position of the anchor that is taken for its own; ``None``: the newest.
    """
    anchors = [pos for pos, event in enumerate(world.made.events) if b'"t":"anchor"' in event]
    showing = Showing(at_hand(world), len(world.made.events))
    return showing.receipt(receipt, leaves, leaves, anchored or anchors[-1])


def put(raw: bytes, one: ShownReceipt) -> bytes:
    """The bundle with a receipt that nobody checked."""
    told = {name: content for name, content in bundle.read(raw).files.items() if name not in papers.NAMES}
    return bundle.packed({**told, one.file_name: one.encode()})


@functools.cache
def asked_and_withdrawn() -> tuple[World, bytes]:
    """Scenario 1 with a receipt: granted in the log of 20, answered from that, withdrawn in that of 24; its bundle."""
    world, size = granted()
    reply = reply_of(world)
    anchor(world, ANCHORED, reply[0])
    world.seal(ANCHORED)
    withdrawal = {"t": "withdraw", "grant": cast.GRANT, "parties": [cast.STUDIO], "ends_at": cast.BATCH_C}
    signed = ("withdrawal", cast.STUDIO, canonical.digest(world.made.token))
    world.log({**withdrawal, "_signed": signed}, cast.BATCH_C)
    world.seal(cast.BATCH_C)
    return world, bundled(world, size, reply)


def reply_of(world: World, size: int = 20) -> Reply:
    """What the vendor was told on the day of the grant: a no, a yes and a no."""
    leaves = leaves_of(world, size, question(use="search"), question(), question(modality="audio"))
    return sign(receipt_of(world, size, leaves, audience=cast.VENDOR)), tuple(leaves)
