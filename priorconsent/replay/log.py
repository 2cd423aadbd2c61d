"""What the events about the log itself do: its opening, keysets, rights tables, anchors, map-roots, its close."""

from __future__ import annotations

from priorconsent import events as ev
from priorconsent import keys, names
from priorconsent.errors import FraudError, MalformedError, RuleError
from priorconsent.replay.step import CLOSED, Step, must
from priorconsent.states import KeysetState, RightsTableState


def log_open(step: Step, event: ev.LogOpen) -> None:
    """Open the log; it changes no state."""


def keyset(step: Step, event: ev.KeysetChange) -> None:
    """Put a keyset into force that follows from the one before."""
    before = step.find(names.KEYSET, KeysetState)
    must(event.version == (before.version if before else 0) + 1, "keyset version does not follow")
    previous = keys.payload_of(step.archive.keyset(before.digest)) if before else None
    # Outside: a blob that is missing breaks no rule, it stops replay.
    raw = step.archive.keyset(event.digest)
    try:
        keyset = keys.read_keyset(raw, previous)
    except (MalformedError, FraudError) as error:
        # Not where a signature fails: no digest binds those, so the copy at hand is as good as missing. Else whoever
        # hands out the blobs could lead some readers to another map.
        raise RuleError(str(error)) from error
    must(keyset.registry_id == step.registry, "keyset of another registry")
    step.changes[names.KEYSET] = KeysetState(version=event.version, digest=event.digest, pos=step.pos)


def rights_table(step: Step, event: ev.RightsTableChange) -> None:
    """Put a rights table into force."""
    before = step.find(names.RIGHTS_TABLE, RightsTableState)
    must(event.version == (before.version if before else 0) + 1, "rights table version does not follow")
    try:
        table = step.archive.rights_table(event.digest)
    except MalformedError as error:
        raise RuleError(str(error)) from error
    must(table.version == event.version, "the blob holds another version")
    step.changes[names.RIGHTS_TABLE] = RightsTableState(version=event.version, digest=event.digest, pos=step.pos)


def anchor(step: Step, event: ev.Anchor) -> None:
    """Commit to a list of receipts; it changes no state."""
    must(event.party is None and event.statement is None, "receipts are anchored by the registry")
    # A list that is withheld would leave the holder of a receipt without proof: it stops replay, as any blob.
    step.archive.receipts(event.digest)


def map_root(step: Step, event: ev.MapRoot) -> None:
    """Note the root of the map; whoever replays compares it."""
    must(event.size == step.pos, "size is not its own index")


def log_close(step: Step, event: ev.LogClose) -> None:
    """Close the log: only a map-root may follow."""
    del event
    step.cited = (CLOSED,)
