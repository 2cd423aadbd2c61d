"""Did the grants fall that a suspect key had approved?

Replay does not ask: the end of a stolen key counts, whatever comes with it. So whoever checks a whole log does.

Where the end of a key says since when it was suspect, the same batch suspends each grant that was approved under it
and logged since then, unless that had ended or is suspended for such a reason already (docs/spec/events.md). A
registry that leaves one out keeps alive what a thief signed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from priorconsent import names
from priorconsent.errors import MalformedError
from priorconsent.events import Event, Suspend
from priorconsent.grants import Token
from priorconsent.replay import Archive
from priorconsent.replay.file_ledger import FileLedger
from priorconsent.replay.life import open_suspensions
from priorconsent.statements import Signed
from priorconsent.states import GrantState, read_state


@dataclass(frozen=True, slots=True)
class SuspectEnd:
    """The end of a key that was suspect.

    Args:
        pos, time: of the event.
    """

    party: str
    key: str
    since: str
    pos: int
    time: str


def not_suspended(
    ends: Collection[SuspectEnd], sizes: Collection[int], ledger: FileLedger, archive: Archive
) -> Iterator[tuple[str, SuspectEnd]]:
    """The grants that should have fallen and did not, each with the end of the key.

    Approvals that are not at hand tell nothing; replay has counted them.

    Args:
        sizes: of the log at each of its checkpoints: where batches end.

    Cost: one reading of all grants of the map, if any key was suspect.
    """
    if not ends:
        return
    by_key, marks = {end.key: end for end in ends}, sorted(sizes)
    for name, raw in ledger.leaves_of_map():
        state = read_state(name, raw) if names.kind_of(name) == "grant" else None
        if not isinstance(state, GrantState):
            continue
        for key in _keys(state, archive) & by_key.keys():
            if not _fell(state, by_key[key], marks, ledger):
                yield state.terms.grant, by_key[key]


def _keys(state: GrantState, archive: Archive) -> set[str]:
    """Under which a grant was approved, as far as the approvals are at hand."""
    found = (archive.evidence(digest) for digest in Token(archive.token(state.digest)).cited("approval"))
    keys = set()
    for raw in found:
        try:
            keys |= {Signed(raw).statement.key} if raw is not None else set()
        except MalformedError:
            # Replay has told of it.
            continue
    return keys


def _fell(state: GrantState, end: SuspectEnd, marks: list[int], ledger: FileLedger) -> bool:
    """Whether a grant was suspended with the end of the key, or had no need to be."""
    batch = bisect_right(marks, end.pos)
    if state.life[0].time < end.since or state.valid_until <= end.time or batch == len(marks):
        return True
    life = tuple(entry for entry in state.life if entry.pos < marks[batch])
    ended = any(entry.ends_at is not None and entry.ends_at <= end.time for entry in life)
    with_it = [ledger.event(entry.pos) for entry in life if bisect_right(marks, entry.pos) == batch]
    # Keys that the suspect one vouched for may end a batch later than the grants fell.
    still = open_suspensions(life, ledger.event).values()
    return ended or any(_is_for_a_key_of(end.party, event) for event in (*with_it, *still))


def _is_for_a_key_of(party: str, event: Event) -> bool:
    """Whether it suspends for a key of this party: another one could resume it at once."""
    return isinstance(event, Suspend) and (event.cause, event.party) == ("key", party)
