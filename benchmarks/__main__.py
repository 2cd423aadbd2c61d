"""``./run bench [--quick] [--only NAME] [--write FILE]``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    deciding,
    importing,
    issuing,
    mapping,
    proving,
    publishing,
    receipting,
    searching,
    sequencing,
    signing,
    snapshots,
    starting,
    watching,
)
from benchmarks.measuring import Table, machine, progress

SMALL, LARGE, HUGE = 10_000, 100_000, 1_000_000

Measurement = Callable[[bool], Table]

MEASUREMENTS: dict[str, Measurement] = {
    "decide": lambda quick: deciding.run((SMALL,) if quick else (SMALL, LARGE), 3 if quick else 5),
    "receipt": lambda quick: receipting.run((1, 10, 100, 1000), 3 if quick else 15),
    "snapshot": lambda quick: snapshots.run((SMALL,) if quick else (SMALL, LARGE, HUGE), 3 if quick else 5),
    "proofs": lambda quick: proving.run((LARGE,) if quick else (LARGE, HUGE, 10 * HUGE)),
    "map": lambda quick: mapping.run((SMALL,) if quick else (LARGE, HUGE)),
    "sequence": lambda quick: sequencing.run({1: 10, 100: 1} if quick else {1: 50, 100: 4, 1000: 2}),
    "issue": lambda quick: issuing.run({1: 5, 50: 1} if quick else {1: 20, 100: 3}),
    "publish": lambda quick: publishing.run(
        (publishing.Load(2, 5, 5),) if quick else (publishing.Load(1, 1, 20), publishing.Load(4, 25, 60))
    ),
    "import": lambda quick: importing.run((SMALL,) if quick else (LARGE, HUGE)),
    "search": lambda quick: searching.run((SMALL,) if quick else (LARGE, HUGE)),
    "sign": lambda quick: signing.run(500 if quick else 3_236),
    "watch": lambda quick: watching.run((SMALL,) if quick else (SMALL, LARGE, HUGE)),
    "start": lambda quick: starting.run((SMALL,) if quick else (1_000, SMALL, LARGE), 5 if quick else 15),
}


def main() -> None:
    """Measure, and print each table as soon as it is there."""
    parser = argparse.ArgumentParser(prog="./run bench", description="What things cost, beside yardsticks.")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, fewer runs: to see that it works")
    parser.add_argument("--only", choices=MEASUREMENTS, action="append", help="only this one; may be repeated")
    parser.add_argument("--write", metavar="FILE", type=Path, help="also write the tables into a file")
    arguments = parser.parse_args()
    texts = [f"On {machine()}.\n"]
    print(texts[0])
    for name in arguments.only or MEASUREMENTS:
        text = MEASUREMENTS[name](arguments.quick).text()
        progress("")
        print(text, flush=True)
        texts.append(text)
    if arguments.write is not None:
        arguments.write.write_text("\n".join(texts), encoding="utf-8")


if __name__ == "__main__":
    main()
