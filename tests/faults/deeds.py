"""What a watched process does, and what has to hold afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.test import Client

from api import urls  # noqa: F401 (loaded before anybody forks)
from priorconsent import canonical
from priorconsent.acknowledgements import SignedAcknowledgement
from priorconsent.court.fsck import fsck
from priorconsent.court.published import Folder
from priorconsent.court.report import Exit
from priorconsent.keys import SigningKey
from priorconsent.log import tree
from priorconsent.log.checkpoint import Checkpoint as LogCheckpoint
from priorconsent.log.opening import open_signed
from priorconsent.log.tree import leaf_hash
from priorconsent.receipts import SignedReceipt
from priorconsent.trust import read_trust
from tests.faults.writes import Writes
from tests.transparency.audit import check_log, check_published, check_readable, check_snapshot
from tests.transparency.cast import FILM_FILE, Cast
from transparency import acknowledgements, checkpoints, last_signed, signers
from transparency.alarms import DATABASE_CHANGED, RESTORED_BACKUP, UNIT_REFUSED
from transparency.models import Alarm, Checkpoint, Event, GivenReceipt, Pending, Spent
from transparency.policies import log_policy, verifiers
from transparency.store import registry_id

OUT = Path(os.environ["FAULTS_OUT"])
# Every checkpoint that any process signed, stored or not; and what was handed out to people.
JOURNAL, HANDED = OUT / "signed", OUT / "handed"
SEPARATOR = b"\n=====\n"

WATCHED: Writes | None = None
# None of these may come from a fault of the machine.
NEVER = {DATABASE_CHANGED, RESTORED_BACKUP, UNIT_REFUSED, acknowledgements.BROKEN}


def watch(fault: Any, strike: int) -> None:
    """Count the writes of this process, and note whatever it signs."""
    global WATCHED  # noqa: PLW0603 (one process, one watch)
    sign = checkpoints._sign

    def signing(checkpoint: LogCheckpoint, logs: Sequence[SigningKey], now: str) -> bytes:
        note = sign(checkpoint, logs, now)
        _note(JOURNAL, note)
        return note

    checkpoints._sign = signing
    WATCHED = Writes(settings.PRIORCONSENT_DATA, fault, strike)
    WATCHED.watch()


def _note(path: Path, raw: bytes) -> None:
    with path.open("ab") as file:
        file.write(raw + SEPARATOR)


def noted(path: Path) -> list[bytes]:
    return path.read_bytes().split(SEPARATOR)[:-1] if path.exists() else []


def migrate(_: dict[str, Any]) -> None:
    call_command("migrate", verbosity=0, interactive=False)


def make_log_key(_: dict[str, Any]) -> str:
    """The log's key alone, so that a witness may know it; the others are made by the founding."""
    signers.make_keys(root=True)
    folder = settings.PRIORCONSENT_KEY_DIR
    for path in folder.iterdir():
        if path.name != "log.pem":
            path.unlink()
    return verifiers()[0].vkey()


def found(_: dict[str, Any]) -> None:
    call_command("found_registry", stdout=StringIO(), stderr=StringIO())


def open_stage(asked: dict[str, Any]) -> None:
    """Works, keys and a receipt, all published."""
    from transparency import sequencer
    from transparency.append import sequenced_by_caller

    cast = Cast(registry_id())
    with sequenced_by_caller():
        for unit in cast.everything_up_to_the_offer():
            unit.append()
        sequencer.run(asked["now"])
        _receipt()


def leave(_: dict[str, Any]) -> None:
    """Two drafts that wait: one widens, one narrows and is acknowledged."""
    from transparency.append import sequenced_by_caller

    cast = _cast()
    with sequenced_by_caller():
        cast.alias("sha256:" + "1" * 64).append()
        _refuse(cast, 1)


def sweep(_: dict[str, Any]) -> None:
    call_command("sweep")


def request(asked: dict[str, Any]) -> None:
    """What the server does while somebody refuses, and somebody asks for a receipt."""
    _refuse(_cast(), 2 + asked["place"])
    _receipt()


def recover(asked: dict[str, Any]) -> None:
    """Whoever comes next, by ``scene``; and what holds before and after."""
    check_readers()
    if asked["scene"] == "found":
        found(asked)
    sweep(asked)
    check(asked)


def check_readers() -> None:
    """Whoever reads what is public, at this very moment, finds all of it."""
    public = settings.PRIORCONSENT_DATA / "public"
    if (public / "log" / "checkpoint").exists() and (settings.PRIORCONSENT_DATA / "trust.json").exists():
        _, maps = check_readable()
        if (public / "snapshots" / "latest.json").exists():
            check_snapshot(maps)


def check(asked: dict[str, Any]) -> None:
    """After somebody swept."""
    check_log()
    assert check_published() == Event.objects.count()
    _fsck()
    hashes = [leaf_hash(bytes(raw)) for raw in Event.objects.order_by("pos").values_list("raw", flat=True)]
    for note in [*noted(JOURNAL), *(bytes.fromhex(one) for one in asked["submitted"]), *_notes()]:
        checkpoint = open_signed(note, log_policy()).checkpoint
        assert checkpoint.root == tree.root(hashes[: checkpoint.size]), f"a second history of {checkpoint.size} events"
    remembered = last_signed.read()
    assert remembered is not None
    assert remembered.size == Checkpoint.objects.filter(note__isnull=False).latest("size").size
    for raw in noted(HANDED):
        kind, _, text = raw.partition(b" ")
        _HANDED[kind.decode()](text)
    assert not Pending.objects.filter(state=Pending.State.PENDING).exists()
    assert not set(Alarm.objects.values_list("code", flat=True)) & (NEVER - set(asked.get("alarms", ())))
    # What a fault interrupts leaves nothing behind that is taken for something.
    claimed = GivenReceipt.objects.exclude(unit=None).values("unit")
    assert Pending.objects.filter(unit__in=claimed).values("unit").distinct().count() == claimed.distinct().count()


def _cast() -> Cast:
    cast = Cast(registry_id())
    # Other statements than those that are there.
    cast.nonces = 1000
    return cast


def _refuse(cast: Cast, number: int) -> None:
    from priorconsent import times
    from transparency.append import append_all

    unit = cast.refusal(number, times.now())
    [statement] = unit.evidence
    with transaction.atomic():
        append_all(unit.drafts, evidence=unit.evidence, received_at=times.now())
    # It was committed; from here on nobody may forget it.
    _note(HANDED, b"statement " + statement.encode())
    given = acknowledgements.given(statement)
    assert given is not None
    _note(HANDED, b"acknowledgement " + given)


def _receipt() -> None:
    asked = {"sha256": FILM_FILE, "use": "train.generative", "receipt": "true"}
    reply = Client(SERVER_NAME="127.0.0.1").get("/api/v1/decisions", asked)
    assert reply.status_code == 200, reply.content
    _note(HANDED, b"receipt " + reply.json()["receipt"].encode())


def _check_statement(text: bytes) -> None:
    assert Spent.objects.filter(digest=text.decode()).exists(), "a statement was lost"


def _check_acknowledgement(text: bytes) -> None:
    acknowledged = SignedAcknowledgement(text)
    _check_statement(acknowledged.acknowledgement.statement.encode())


def _check_receipt(text: bytes) -> None:
    """Either its digest waits for its anchor, or a published list has it."""
    digest = canonical.digest(text)
    SignedReceipt(text)
    raw = canonical.digest_bytes(digest)
    if not GivenReceipt.objects.filter(digest=digest).exists():
        blobs = (settings.PRIORCONSENT_DATA / "public" / "blob" / "sha256").iterdir()
        assert any(raw in path.read_bytes() for path in blobs), "a receipt was forgotten"


_HANDED: dict[str, Callable[[bytes], None]] = {
    "statement": _check_statement,
    "acknowledgement": _check_acknowledgement,
    "receipt": _check_receipt,
}


def _notes() -> list[bytes]:
    """Those that are kept anywhere."""
    kept = [bytes(note or b"") for note in Checkpoint.objects.filter(note__isnull=False).values_list("note", flat=True)]
    log = settings.PRIORCONSENT_DATA / "public" / "log"
    return kept + [
        path.read_bytes() for path in (log / "checkpoint", log / "unwitnessed" / "checkpoint") if path.exists()
    ]


def _fsck() -> None:
    trust = read_trust((settings.PRIORCONSENT_DATA / "trust.json").read_bytes())
    found = fsck(Folder(settings.PRIORCONSENT_DATA / "public"), trust)
    assert found.exit_code == Exit.PERMITTED, found.to_json()
    assert not found.alarms


def alarms(_: dict[str, Any]) -> list[Any]:
    return list(Alarm.objects.values_list("code", "detail"))


def resume(_: dict[str, Any]) -> None:
    call_command("resume_signing", stdout=StringIO())


DEEDS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "migrate": migrate,
    "make log key": make_log_key,
    "found": found,
    "open stage": open_stage,
    "leave": leave,
    "sweep": sweep,
    "request": request,
    "recover": recover,
    "check": check,
    "alarms": alarms,
    "resume": resume,
}
