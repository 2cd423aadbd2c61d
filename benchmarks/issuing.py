"""Grants issued per second, from offers that everybody signed to a published checkpoint, against fsync.

A registry of its own on SQLite: one studio, one vendor, and a work for each offer.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measuring import Table, in_a_child, progress, times

Figure = tuple[float, float]  # seconds by the wall clock, seconds on the processor

BLOCK_BYTES = 4096
FSYNCS = 200
STEPS = ("draft and offer", "approve, accept", "issue", "sequence", "sign and publish")


def run(batches: dict[int, int]) -> Table:
    """One row for each batch.

    Args:
        batches: size → how many of them.
    """
    table = Table(
        "offers issued: rates by the wall clock, steps in processor time; SQLite in WAL with synchronous=FULL",
        "batch",
        "offers",
        "issued and published",
        "fsync of 4 KiB",
        "fsync ÷ issued",
        *(f"{step}, an offer" for step in STEPS),
        "peak RSS",
    )
    for size, count in batches.items():
        progress(f"offers: batch of {size}")
        (steps, fsyncs), peak = in_a_child(_measure, size, count)
        issued = count * size / sum(wall for wall, _ in steps[2:])
        each = [f"{processor / count / size * 1e3:.1f} ms" for _, processor in steps]
        rates = (f"{issued:.0f}/s", f"{fsyncs:.0f}/s", times(fsyncs / issued))
        table.add(f"{size}", f"{count * size}", *rates, *each, f"{peak:.0f} MiB")
    return table


def _measure(size: int, count: int) -> tuple[list[Figure], float]:
    """Both times of each step over all batches, and how often a second the disk confirms a write."""
    with tempfile.TemporaryDirectory() as folder:
        # Before Django reads its settings; this process was made for it.
        os.environ |= {"PRIORCONSENT_DATA": folder, "PRIORCONSENT_KEY_DELAY_S": "0", "SECRET_KEY": "of a benchmark" * 4}
        fsyncs = _fsyncs(Path(folder))
        import django

        from config.env import use_settings

        use_settings()
        django.setup()
        return _issue(Path(folder), size, count), fsyncs


def _fsyncs(folder: Path) -> float:
    block = b"\0" * BLOCK_BYTES
    with (folder / "fsync").open("wb", buffering=0) as file:
        start = time.perf_counter()
        for _ in range(FSYNCS):
            file.write(block)
            os.fsync(file.fileno())
        return FSYNCS / (time.perf_counter() - start)


def _issue(folder: Path, size: int, count: int) -> list[Figure]:
    from django.core.management import call_command

    from api.demo.cast import Piece, Role
    from api.demo.stage import Stage
    from priorconsent import times as instants
    from transparency import sequencer
    from transparency.append import sequenced_by_caller
    from transparency.keysets import found_registry
    from transparency.models import Alarm

    call_command("migrate", verbosity=0, interactive=False)
    now = instants.now()
    piece = Piece("image", "studio", (("en", "main", "Picture"),), shares=(("copyright", "studio"),))
    with sequenced_by_caller():
        stage = Stage(found_registry(now), folder / "players", now, lambda _: None)
        for name, kind in (("studio", "organisation"), ("vendor", "ai_vendor")):
            stage.enter(name, Role(kind, {"en": name}))
        sequencer.run(now)
        works = [str(number) for number in range(size * count)]
        _prepare(stage, piece, works)
        batches = [_batch(stage, works[start : start + size]) for start in range(0, len(works), size)]
    assert not Alarm.objects.exists()
    return [(sum(wall for wall, _ in step), sum(cpu for _, cpu in step)) for step in zip(*batches, strict=True)]


def _prepare(stage: object, piece: object, works: list[str]) -> None:
    from django.db import transaction

    from api.demo.cast import Piece
    from api.demo.stage import Stage
    from transparency import sequencer

    assert isinstance(stage, Stage)
    assert isinstance(piece, Piece)
    for act in (stage.register, stage.share):
        with transaction.atomic():
            for work in works:
                act(work, piece)
        sequencer.run(stage.now)


def _batch(stage: object, works: list[str]) -> list[Figure]:
    """Both times of each step for one batch."""
    from api.demo.stage import OPERATOR, Stage
    from api.demo.story import USUAL
    from licences.models import Offer
    from licences.verbs.issue import issue_grant
    from priorconsent import times as instants
    from transparency import sequencer

    assert isinstance(stage, Stage)
    licensee = {"kind": "party", "party": stage.parties["vendor"], "affiliates": []}
    ends = {"valid_until": instants.plus(stage.now, 86_400), "lapse_at": instants.plus(stage.now, 86_400)}
    usual = {**USUAL, **ends, "licensee": licensee, "uses": ["evaluate"]}
    offers: list[Offer] = []

    def offer() -> None:
        offers.extend(stage.offer("studio", {**usual, "works": [stage.works[work]]}) for work in works)

    def sign() -> None:
        for one in offers:
            stage.sign_all(one)

    def issue() -> None:
        for one in offers:
            issue_grant(OPERATOR, Offer.objects.get(pk=one.pk), stage.now)

    def sequence() -> None:
        while sequencer.sequence(stage.now) is not None:
            pass

    acts: list[Callable[[], object]] = [offer, sign, issue, sequence, lambda: sequencer.finish(stage.now)]
    return [_timed(act) for act in acts]


def _timed(act: Callable[[], object]) -> Figure:
    start = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - start[0], time.process_time() - start[1]
