"""A list of works from its listing to the log: listed, signed offline, handed in, logged; against bare Ed25519.

An invented catalogue of one registrant, on both engines: first claims, then shares. Lists go in as they come over
HTTP, in pieces; *by itself* is the same act one statement a request. Nothing is sequenced while something else is
measured.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from http import HTTPStatus
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from benchmarks import invented_works
from benchmarks.measuring import Table, in_a_child, progress, times

BY_ITSELF = 50
SIGNATURES = 2000


class Figures(NamedTuple):
    """Of one list: seconds for each act by the wall clock, for handing in also on the processor of this process.

    ``one_s`` is of one statement by itself, ``verify_s`` of one verification.
    """

    list_s: float
    sign_s: float
    hand_in_s: float
    again_s: float
    log_s: float
    hand_in_cpu_s: float
    one_s: float
    verify_s: float


def run(size: int) -> Table:
    """One row for each engine and type of statement."""
    table = Table(
        f"lists of {size:,} statements, one registrant; wall clock",
        "engine",
        "type",
        "list",
        "sign",
        "hand in",
        "Ed25519 verified",
        "hand in ÷ Ed25519",
        "processor, a line",
        "again, all there",
        "by itself",
        "sequence and publish",
        "peak RSS",
    )
    for engine in ("sqlite", "postgresql"):
        progress(f"{engine}: lists of {size:,}")
        measured, peak = in_a_child(_measure, engine, size)
        for kind, found in measured.items():
            listed, signed, taken, again, logged = (f"{size / seconds:,.0f}/s" for seconds in found[:5])
            ratio = times(found.hand_in_s / size / found.verify_s)
            bare, one = f"{1 / found.verify_s:,.0f}/s", f"{1 / found.one_s:,.0f}/s"
            cpu = f"{found.hand_in_cpu_s / size * 1e3:.1f} ms"
            table.add(engine, kind, listed, signed, taken, bare, ratio, cpu, again, one, logged, f"{peak:.0f} MiB")
    return table


def _measure(engine: str, size: int) -> dict[str, Figures]:
    from tests.realservers import Servers

    servers = Servers()
    try:
        with tempfile.TemporaryDirectory() as folder:
            if engine == "postgresql":
                os.environ["DATABASE_URL"] = servers.start_postgresql()
            os.environ |= {"PRIORCONSENT_DATA": folder, "PRIORCONSENT_KEY_DELAY_S": "0"}
            os.environ |= {"SECRET_KEY": "of a benchmark" * 4}
            import django

            from config.env import use_settings

            use_settings()
            django.setup()
            from transparency.append import sequenced_by_caller

            with sequenced_by_caller():
                return _sign(Path(folder), size)
    finally:
        servers.stop()


def _sign(folder: Path, size: int) -> dict[str, Figures]:
    from django.core.management import call_command

    from api.demo.cast import Role
    from api.demo.stage import OPERATOR, Stage
    from priorconsent import times as instants
    from registry.imports.importing import Options, import_works
    from registry.imports.mapping import read_map
    from transparency import sequencer
    from transparency.keysets import found_registry

    call_command("migrate", verbosity=0, interactive=False)
    now = instants.now()
    stage = Stage(found_registry(now), folder / "keys", now, lambda _: None)
    stage.enter("studio", Role("organisation", {"en": "studio"}))
    sequencer.run(now)
    path, chart = folder / "catalogue.csv", folder / "map.toml"
    chart.write_text(invented_works.MAP, encoding="utf-8")
    invented_works.write_csv(path, size + BY_ITSELF)
    party = stage.parties["studio"]
    import_works(
        OPERATOR, party, path, read_map(chart), Options(), lambda _: None, lambda _done, _total: None, instants.now()
    )
    return {kind: _list(folder, stage.parties["studio"], kind, size) for kind in ("claim", "shares")}


def _list(folder: Path, party: str, kind: str, size: int) -> Figures:
    from django.core.management import call_command

    from priorconsent import cli
    from transparency.followers import run_followers

    listed, part, rest = (folder / f"{kind}-{name}.jsonl" for name in ("all", "part", "rest"))
    key = ["--key", str(folder / "keys" / "studio.pem"), "--party", party]

    def sign(source: Path) -> None:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            assert cli.main(["sign", "list", str(source), "--out", f"{source}.signed", "--yes", *key]) == 0

    list_s = _timed(lambda: call_command("works_to_sign", registrant=party, out=listed))
    lines = listed.read_bytes().splitlines(keepends=True)
    part.write_bytes(b"".join(lines[:size]))
    rest.write_bytes(b"".join(lines[size:]))
    sign_s = _timed(lambda: sign(part))
    sign(rest)
    begun = time.process_time()
    in_s = _timed(lambda: _hand_in(Path(f"{part}.signed"), size))
    cpu_s = time.process_time() - begun
    again_s = _timed(lambda: _hand_in(Path(f"{part}.signed"), size))
    one_s = _timed(lambda: _one_by_one(Path(f"{rest}.signed"))) / BY_ITSELF
    log_s = _timed(_log)
    run_followers()
    return Figures(list_s, sign_s, in_s, again_s, log_s, cpu_s, one_s, _verified_s(Path(f"{part}.signed")))


def _hand_in(path: Path, size: int) -> None:
    from priorconsent import lists
    from priorconsent.delivery import MEDIA_TYPE, pieces

    told = 0
    with path.open("rb") as source:
        for piece in pieces(source):
            outcomes = lists.read_outcomes(_post(piece.body, MEDIA_TYPE))
            assert not outcomes.refused, outcomes.outcomes[0]
            told += outcomes.stored + outcomes.there
    assert told == size


def _one_by_one(path: Path) -> None:
    for line in path.read_bytes().splitlines():
        _post(line, "application/json")


def _post(body: bytes, media_type: str) -> bytes:
    from django.test import Client

    answer = Client(SERVER_NAME="127.0.0.1").post("/api/v1/statements", body, content_type=media_type)
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        raise RuntimeError(answer.content.decode())
    return bytes(answer.content)


def _log() -> None:
    from priorconsent import times as instants
    from transparency import sequencer
    from transparency.models import Alarm

    sequencer.run(instants.now())
    assert not Alarm.objects.exists()


def _verified_s(path: Path) -> float:
    """Of one signature under a key that was read before: nothing but Ed25519."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    message = path.read_bytes().splitlines()[0]
    key = Ed25519PrivateKey.generate()
    public, signature = key.public_key(), key.sign(message)

    def verify() -> None:
        for _ in range(SIGNATURES):
            public.verify(signature, message)

    return _timed(verify) / SIGNATURES


def _timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start
