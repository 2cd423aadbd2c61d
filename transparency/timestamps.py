"""Time-stamps on published checkpoints: words about time that a registry cannot make up, even with its witnesses.

Each authority is asked about the newest checkpoint, a while after it was asked last. What it answers is verified
before it is kept, by the functions of those who will rely on it; the bytes stay as they came. Nothing waits for an
authority: while one is silent, there are just no new words of it, and an alarm.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from priorconsent import bounded, times, timestamps
from priorconsent.court.bundle import MAX_STAMPS, Stamped
from priorconsent.errors import PriorConsentError, UnreachableError
from priorconsent.log.note import split_note
from transparency import proofs
from transparency.alarms import NOT_STAMPED, raise_alarm
from transparency.files import public_folder, write_file
from transparency.models import Checkpoint, TimeStamp

ASK_TIMEOUT_S = 10
# Also against one that answers a byte at a time: everything else that is due waits for it.
ANSWER_S = 20


def stamp_due(now: str) -> None:
    """Ask every authority that was not asked lately for a time-stamp on the newest published checkpoint."""
    newest = Checkpoint.newest(published=True)
    if newest is None:
        return
    for authority in settings.PRIORCONSENT_TSA_URLS:
        if _is_due(authority, newest, now):
            try:
                _stamp(authority, newest, now)
            except PriorConsentError as error:
                raise_alarm(now, NOT_STAMPED, f"no time-stamp by {authority}: {error}")


def stamped(first: Checkpoint) -> Stamped | None:
    """The earliest stamped checkpoint that is not before ``first``, with its time-stamps.

    Returns:
        ``None`` if there is none yet.
    """
    earliest = TimeStamp.objects.filter(checkpoint__size__gte=first.size).order_by("checkpoint").first()
    if earliest is None:
        return None
    rows = TimeStamp.objects.filter(checkpoint=earliest.checkpoint).order_by("time", "authority")[:MAX_STAMPS]
    consistency = proofs.consistency(first, earliest.checkpoint)
    return Stamped(_text(earliest.checkpoint), consistency, tuple(bytes(row.token) for row in rows))


def take_over(folder: Path) -> None:
    """Keep the time-stamps that another installation published in a folder; those by authorities not trusted here stay.

    Within the transaction that takes over the checkpoints; ``publish_all`` then publishes them.
    """
    known = {_file_name(authority): authority for authority in settings.PRIORCONSENT_TSA_URLS}
    published = {str(size) for size in Checkpoint.objects.filter(published=True).values_list("size", flat=True)}
    for path in sorted(folder.glob("*/*.tsr")):
        if path.parent.name not in published:
            continue
        checkpoint, token = Checkpoint.objects.get(size=path.parent.name), path.read_bytes()
        try:
            stamp = timestamps.check(token, _text(checkpoint), settings.PRIORCONSENT_TSA_CA)
        except PriorConsentError:
            continue
        # Nobody else was told of this authority's address: then the file's name is its name.
        authority = known.get(path.stem, path.stem)
        TimeStamp.objects.create(
            checkpoint=checkpoint, authority=authority, token=token, time=stamp.time, asked_at=stamp.time
        )


def publish_all() -> None:
    """Write every time-stamp that is kept into the public folder."""
    for row in TimeStamp.objects.select_related("checkpoint"):
        name = row.authority if "/" not in row.authority else _file_name(row.authority)
        write_file(_folder() / str(row.checkpoint.size) / f"{name}.tsr", bytes(row.token))


def _folder() -> Path:
    return public_folder() / "timestamps"


def _file_name(authority: str) -> str:
    return hashlib.sha256(authority.encode()).hexdigest()[:16]


def _is_due(authority: str, newest: Checkpoint, now: str) -> bool:
    last = TimeStamp.objects.filter(authority=authority).order_by("-checkpoint").first()
    if last is None:
        return True
    is_new = last.checkpoint_id != newest.size
    return is_new and now >= times.plus(last.asked_at, settings.PRIORCONSENT_STAMP_EVERY_S)


def _stamp(authority: str, newest: Checkpoint, now: str) -> None:
    text = _text(newest)
    asked = timestamps.question(text)
    token = _ask(authority, asked.der)
    stamp = timestamps.check_answer(asked, token, text, settings.PRIORCONSENT_TSA_CA)
    found = {"token": token, "time": stamp.time, "asked_at": now}
    TimeStamp.objects.get_or_create(checkpoint=newest, authority=authority, defaults=found)
    write_file(_folder() / str(newest.size) / f"{_file_name(authority)}.tsr", token)


def _ask(authority: str, query: bytes) -> bytes:
    headers = {"content-type": timestamps.QUERY_TYPE, "accept": timestamps.REPLY_TYPE}
    local = urlsplit(authority).hostname in bounded.LOOPBACK
    client = bounded.client(connect_s=ASK_TIMEOUT_S, read_s=ASK_TIMEOUT_S, local=local)
    try:
        with closing(client), client.stream("POST", authority, ANSWER_S, content=query, headers=headers) as answer:
            if answer.status_code != HTTPStatus.OK:
                raise UnreachableError(f"it answers with status {answer.status_code}")
            return b"".join(bounded.chunks(answer, timestamps.MAX_TOKEN_BYTES))
    except bounded.FAILURES as error:
        raise UnreachableError(f"it does not answer ({type(error).__name__})") from None


def _text(checkpoint: Checkpoint) -> bytes:
    text, _ = split_note(bytes(checkpoint.note or b""))
    return text.encode()
