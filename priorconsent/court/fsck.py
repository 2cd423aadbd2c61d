"""Is everything that a registry published true? Derived again from its files; nobody's word is taken.

1. The checkpoint is signed by the trusted log and the witnesses that the trust file asks for.
2. The log is that of the trusted registry; every event is replayed against blobs and evidence, with every
   signature. The texts that its offers pin are there. What a suspect key approved was suspended with it.
3. Each map-root is the root of the map replayed so far; the last entry is one, and dated as the witnesses say. The
   log's key in the checkpoint is one of the keyset in force.
4. The entries lead to the root of the checkpoint, and so does every tile, whole or not.
5. Of each file its name says what is in it (``stored``), where files can be listed.
6. The snapshots verify, belong to this very log, and hold the map replayed.
7. Earlier checkpoints that were kept, and one that waits for witnesses, are of the same log. Time-stamps are of
   checkpoints of it, and by an authority that the trust file names.
8. Every promise that its holder shows was kept (``acknowledged``); an event without effect keeps and excuses none.

Evidence that is not at hand is counted: key records can be erased by law, and then the log's word on
those signatures cannot be checked any more. An alarm is an event that broke a rule, without effect. Where replay
has to stop, the entries are still read to their end, for step 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from priorconsent import events as ev
from priorconsent import keys, names, rights, timestamps
from priorconsent.acknowledgements import SignedAcknowledgement
from priorconsent.court import acknowledged
from priorconsent.court.acknowledged import Kept, Outcome
from priorconsent.court.derived import Derivation, PublishedArchive, Taken
from priorconsent.court.findings import Finding, Findings
from priorconsent.court.log_at_hand import read_log
from priorconsent.court.published import Published
from priorconsent.court.stored import KEPT, STAMP, StoredTiles, check_stored, is_stored
from priorconsent.court.suspects import SuspectEnd, not_suspended
from priorconsent.errors import (
    FraudError,
    NotAvailableError,
    NotFoundError,
    PriorConsentError,
    ProofError,
    UnknownSignerError,
    UnreachableError,
)
from priorconsent.head import check_log_key, check_quorum_time
from priorconsent.log import tiles, tree
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.opening import OpenedCheckpoint, open_checkpoint, open_signed
from priorconsent.replay.file_ledger import FileLedger
from priorconsent.snapshot import open_verified
from priorconsent.states import GrantState, KeysetState
from priorconsent.trust import Trust

Progress = Callable[[int, int | None], None]

UNWITNESSED = "unwitnessed/checkpoint"


def fsck(
    published: Published,
    trust: Trust,
    progress: Progress | None = None,
    acknowledgements: Sequence[bytes] = (),
) -> Findings:
    """Check all that a registry published, by the procedure above.

    Args:
        acknowledgements: promises that their holders show.

    Cost: time grows with the number of events; what is replayed lies in a temporary file, not in memory.
    """
    check = _Check(published, trust, progress)
    # 1.
    with check.found.telling("checkpoint"):
        opened = open_checkpoint(published.log_file("checkpoint"), trust.policy)
        # 2. to 4.
        check.log(opened)
        check.suspensions()
        # 6.
        check.snapshots()
        # 7.
        check.kept()
        check.unwitnessed()
        check.time_stamps()
        # 8.
        check.promises(acknowledgements)
    # 5.
    check.files()
    return check.found


class _Check:
    """One check, and what it knows so far.

    Attributes:
        roots: of the tree, by size, wherever a checkpoint may end.
    """

    def __init__(self, published: Published, trust: Trust, progress: Progress | None) -> None:
        self.found = Findings(trust.registry)
        self.roots: dict[int, bytes] = {}
        self._published = published
        self._trust = trust
        self._progress = progress
        listed = published.files()
        # Those named by a digest are as many as the entries: they are listed once more when they are compared.
        self._listed = None if listed is None else sorted(path for path in listed if not is_stored(path))
        self._tiles = StoredTiles(published.log_file, self._listed or (), self.found)
        archive = PublishedArchive(published, self._spoilt)
        self._derivation = Derivation(FileLedger.temporary(), archive, trust)
        self._last: ev.Event | None = None
        self._suspect: list[SuspectEnd] = []
        self._replayed = False
        self._without_effect: set[int] = set()

    def log(self, opened: OpenedCheckpoint) -> None:
        """Steps 2 to 4."""
        checkpoint = opened.checkpoint
        self.found.size = checkpoint.size
        grown, replaying = tree.Growing(), True
        with self.found.telling("log"):
            for raw in self._entries(checkpoint.size):
                leaf = tree.leaf_hash(raw)
                grown.append(leaf)
                self._tiles.append(raw, leaf)
                replaying = replaying and self._replay(raw, grown)
                if self._progress is not None:
                    self._progress(grown.size, checkpoint.size)
            self.found.leaves = self._derivation.ledger.leaves
            self._tiles.finish()
            if grown.root != checkpoint.root:
                raise ProofError("the entries do not lead to the root of the checkpoint")
            self._replayed = replaying
            if replaying:
                self._check_end(opened)

    def suspensions(self) -> None:
        """Step 2, once all of the log is replayed."""
        if not self._replayed:
            return
        ledger, archive = self._derivation.ledger, self._derivation.archive
        with self.found.telling("log"):
            for grant, end in not_suspended(self._suspect, self.roots, ledger, archive):
                told = f"event {end.pos} ended a key under which it was approved, suspect since {end.since}"
                self.found.tell("suspension_missing", f"grant {grant}", told + ", and did not suspend it")

    def snapshots(self) -> None:
        """Step 6."""
        with self.found.telling("snapshot"), self._published.snapshot() as newest:
            self._snapshot(newest)
            others = [Path(one).name for one in self._listed or () if one.startswith("snapshots/")]
            for name in others:
                if name.endswith(".sqlite") and name != newest.name:
                    with self.found.telling(f"snapshots/{name}"):
                        self._snapshot(newest.with_name(name))

    def kept(self) -> None:
        """Step 7; one by a key that is not trusted any more is told as a file that nobody checked."""
        for path in self._listed or ():
            named = KEPT.fullmatch(path)
            if named is None:
                continue
            with self.found.telling(path):
                try:
                    kept = self._signed(self._published.other_file(path))
                except UnknownSignerError:
                    self.found.uncovered.append(path)
                    continue
                if kept.size != int(named["size"]):
                    raise ProofError(f"it is the checkpoint of {kept.size} entries, and its name says otherwise")
                if kept.size > self.found.size:
                    # Of what comes after the checkpoint read, nothing was replayed.
                    self.found.uncovered.append(path)

    def unwitnessed(self) -> None:
        """Step 7."""
        with self.found.telling(f"log/{UNWITNESSED}"):
            try:
                raw = self._published.log_file(UNWITNESSED)
            except NotFoundError:
                return
            self._signed(raw)

    def _signed(self, raw: bytes) -> Checkpoint:
        """A checkpoint that the log signed, of the history that was replayed as far as it goes."""
        found = open_signed(raw, self._trust.policy).checkpoint
        if self._replayed and found.size <= self.found.size and self.roots.get(found.size) != found.root:
            raise FraudError(
                f"the log signed another history of {found.size} entries",
                evidence=(raw, self._published.log_file("checkpoint")),
            )
        return found

    def time_stamps(self) -> None:
        """Step 7; where none of the authorities is trusted, they are told as files that nobody checked."""
        for path in self._listed or ():
            named = STAMP.fullmatch(path)
            if named is None:
                continue
            size = int(named["size"])
            if not self._trust.tsa_ca or size not in self.roots:
                self.found.uncovered.append(path)
                continue
            with self.found.telling(path):
                message = Checkpoint(self._trust.policy.origin, size, self.roots[size]).text().encode()
                timestamps.check(self._published.other_file(path), message, self._trust.tsa_ca)

    def promises(self, acknowledgements: Sequence[bytes]) -> None:
        """Step 8. Reads the entries once more."""
        if not acknowledgements:
            return
        with self.found.telling("acknowledgements"):
            shown = [(raw, self._statement(raw)) for raw in acknowledgements]
            wanted = {one for raw, statement in shown for one in acknowledged.wanted(raw, statement)}
            log = read_log(self._published, self._trust, wanted)
            # Else a registry could spend a statement on an event that breaks a rule, and call that logged.
            events = {pos: event for pos, event in log.events.items() if pos not in self._without_effect}
            for raw, statement in shown:
                self._tell(acknowledged.check_acknowledgement(raw, replace(log, events=events), self._trust, statement))

    def _tell(self, kept: Kept) -> None:
        told = Finding(kept.outcome.value, f"statement {kept.acknowledgement.statement}", kept.detail)
        if kept.outcome is Outcome.UNLOGGED:
            self.found.wrong.append(told)
        elif kept.outcome is Outcome.NOT_DUE:
            self.found.unable.append(told)
        elif kept.pos is not None and kept.pos >= self.found.size:
            # It came while the log was read, so nobody has asked yet whether it had an effect.
            self.found.unable.append(replace(told, code=Outcome.NOT_DUE.value))

    def files(self) -> None:
        """Step 5."""
        listed = self._published.files()
        if listed is not None:
            self.found.files = check_stored(self._published, listed, self.found)

    def _entries(self, size: int) -> Iterator[bytes]:
        return tiles.read_entries(self._published.log_file, size)

    def _replay(self, raw: bytes, grown: tree.Growing) -> bool:
        """Replay an entry; whether the next one can be."""
        try:
            taken = self._derivation.take(raw)
        except PriorConsentError as error:
            self.found.tell_error(f"event {grown.size - 1}", error)
            return False
        self._last = taken.event
        self._note(taken)
        if isinstance(taken.event, ev.MapRoot):
            self.found.map_roots += 1
            self.roots[grown.size] = grown.root
        return True

    def _note(self, taken: Taken) -> None:
        effect, subject = taken.effect, f"event {taken.pos}"
        self.found.unchecked.update(effect.unchecked)
        if effect.alarm is not None:
            self._without_effect.add(taken.pos)
            self.found.alarms.append(Finding("alarm", subject, effect.alarm))
        elif isinstance(taken.event, ev.GrantAdd):
            self._check_texts(taken.event, subject)
        elif isinstance(taken.event, ev.PartyKeyEnd) and taken.event.suspect_from is not None:
            end = taken.event
            self._suspect.append(SuspectEnd(end.party, end.key, taken.event.suspect_from, taken.pos, end.time))
        elif isinstance(taken.event, ev.RightsTableChange) and taken.event.digest not in rights.SHIPPED:
            told = "not a rights table that this version knows: whose yes it asks for is the registry's word"
            self.found.unable.append(Finding(NotAvailableError.code, subject, told))
        if taken.false_root:
            self.found.tell("false_map_root", subject, "its root is not that of the map replayed")

    def _check_texts(self, event: ev.GrantAdd, subject: str) -> None:
        state = self._derivation.ledger.state(names.grant(event.grant))
        for pin in state.terms.texts if isinstance(state, GrantState) else ():
            archive = self._derivation.archive
            with self.found.telling(subject):
                if archive.evidence(pin.digest) is None:
                    archive.blob(pin.digest)

    def _check_end(self, opened: OpenedCheckpoint) -> None:
        if not isinstance(self._last, ev.MapRoot):
            raise ProofError("the last entry is no map-root")
        check_quorum_time(opened, self._last.time)
        ledger = self._derivation.ledger
        state = ledger.state(names.KEYSET)
        if not isinstance(state, KeysetState):
            raise ProofError("the log holds no keyset")
        in_force = keys.payload_of(self._derivation.archive.keyset(state.digest))
        check_log_key(opened, in_force, self._last.time)

    def _snapshot(self, path: Path) -> None:
        if not path.is_file():
            raise UnreachableError(f"no file {path.name}")
        with open_verified(path, self._trust, None) as snapshot:
            checkpoint = snapshot.head.checkpoint
            if checkpoint.size > self.found.size:
                raise UnreachableError(
                    f"the snapshot of {checkpoint.size} entries is newer than the checkpoint read; try again"
                )
            if path.stem.isdecimal() and int(path.stem) != checkpoint.size:
                raise ProofError(f"the snapshot is of {checkpoint.size} entries, and its name says otherwise")
            # Its map-root is an entry of this log too, and was compared with the map replayed.
            if self._replayed and self.roots.get(checkpoint.size) != checkpoint.root:
                raise ProofError("the snapshot belongs to another log")

    def _statement(self, acknowledgement: bytes) -> bytes | None:
        digest = SignedAcknowledgement(acknowledgement).acknowledgement.statement
        return self._derivation.archive.evidence(digest)

    def _spoilt(self, digest: str) -> None:
        if self._listed is None:
            self.found.tell("other_content", f"evidence {digest}", "the file holds something else")
