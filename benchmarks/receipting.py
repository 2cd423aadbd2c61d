"""Answers that a receipt signs, against an Ed25519 signature for each."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks import invented_map
from benchmarks.deciding import questions
from benchmarks.invented_map import InventedMap
from benchmarks.measuring import Table, cpu_seconds, in_a_child, progress, times, unit
from priorconsent import canonical, query, receipts
from priorconsent.decision import decide
from priorconsent.keys import PrivateKey
from priorconsent.receipts import AnswerLeaf, Mark, Receipt
from priorconsent.snapshot import open_verified

KINDS = ("file, unknown", "file, licensed")
NAMES = 10_000
KEY = PrivateKey(bytes(range(32)))

# Seconds an answer: leaf, tree and signature, checking again.
Row = tuple[float, float, float]
Part = Sequence[AnswerLeaf]


def run(batches: Sequence[int], runs: int) -> Table:
    """One row for each kind of question and size of batch."""
    table = Table(
        f"receipts: processor time, median of {runs} runs; {receipts.MAX_ANSWERS:,} answers a run",
        "question",
        "answers a receipt",
        "a leaf, from the decision",
        "tree and signature, an answer",
        "together",
        "receipted",
        "signed one by one",
        "receipted ÷ signed",
        "check again, an answer",
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.sqlite"
        InventedMap(NAMES).write(path)
        for kind in KINDS:
            progress(f"receipts: {kind}")
            signed, rows = in_a_child(_measure, path, kind, tuple(batches), runs)[0]
            for batch, (leaf, rest, check) in zip(batches, rows, strict=True):
                rates = (f"{1 / (leaf + rest):,.0f}/s", f"{1 / signed:,.0f}/s", times(signed / (leaf + rest)))
                table.add(kind, f"{batch:,}", unit(leaf), unit(rest), unit(leaf + rest), *rates, unit(check))
    return table


def _measure(
    path: Path, kind: str, batches: Sequence[int], runs: int
) -> tuple[float, list[tuple[float, float, float]]]:
    count = receipts.MAX_ANSWERS
    asked = [query.parse(one, now=invented_map.NOW) for one in questions(kind, InventedMap(NAMES).works)[:count]]
    with open_verified(path, invented_map.trust(), None) as snapshot, snapshot.in_one_read():
        decided = [decide(one, snapshot) for one in asked]

        def leaves() -> list[AnswerLeaf]:
            return [receipts.leaf(i, asked[i], decided[i], snapshot) for i in range(count)]

        made = leaves()
        each = cpu_seconds(runs, leaves) / count
    raws = [canonical.encode(leaf) for leaf in made]
    signed = cpu_seconds(runs, lambda: [KEY.sign(raw) for raw in raws]) / count
    rows = []
    for batch in batches:
        parts = [made[start : start + batch] for start in range(0, count, batch)]
        given = [_receipt(part) for part in parts]
        rest = cpu_seconds(runs, partial(_sign_all, parts)) / count
        check = cpu_seconds(runs, partial(_check_all, given, parts)) / count
        rows.append((each, rest, check))
    return signed, rows


def _sign_all(parts: Sequence[Part]) -> None:
    for part in parts:
        _receipt(part)


def _check_all(given: Sequence[bytes], parts: Sequence[Part]) -> None:
    for raw, leaves in zip(given, parts, strict=True):
        signed = receipts.SignedReceipt(raw)
        signed.verify(KEY.jwk)
        assert signed.receipt.answers == receipts.answers_of(leaves)


def _receipt(leaves: Part) -> bytes:
    receipt = Receipt(
        v=1,
        registry=invented_map.trust().registry,
        id=canonical.to_base64url(random.Random(1).randbytes(16)),  # noqa: S311 (the same in every run)
        audience=None,
        request=canonical.digest(b""),
        nonce=None,
        issued_at=invented_map.NOW,
        fresh_until=receipts.fresh_until(invented_map.NOW, leaves, invented_map.NOW),
        checkpoint=Mark(origin="log.example/1", root=canonical.digest(b""), size=1),
        engine=receipts.ENGINE,
        answers=receipts.answers_of(leaves),
    )
    return receipts.sign(receipt, KEY.jwk.thumbprint, KEY.sign)
