"""A registry's processes, each of which may be struck at one of its writes: ``python -m tests.faults.process``.

Reads one request a line and does it in a process of its own, forked from this one, which has loaded everything and
opened nothing. What such a process does is what ``manage.py`` and the server do: nothing of the product knows that
it is watched.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

OUT = Path(os.environ["FAULTS_OUT"])


def main() -> None:
    """Serve until nobody asks any more."""
    import django

    from config.env import use_settings

    use_settings()
    django.setup()
    from tests.faults import deeds

    _tell("ready")
    for line in sys.stdin:
        asked = json.loads(line)
        children = [_fork(deeds.DEEDS[asked["do"]], {**asked, "place": place}) for place in range(asked["together"])]
        told = [_wait(pid, place) for place, pid in enumerate(children)]
        # What one of them had to load, the next ones find loaded.
        for name in told[0].pop("modules", ()):
            _load(name)
        _tell(told)


def _tell(what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _fork(do: Callable[[dict[str, Any]], Any], asked: dict[str, Any]) -> int:
    _told(asked["place"]).unlink(missing_ok=True)
    if pid := os.fork():
        return pid
    status, before = 1, set(sys.modules)
    try:
        told = _do(do, asked)
        status = 0
    except BaseException:  # noqa: BLE001 (whatever ends it is told)
        told = {"error": traceback.format_exc()}
    from tests.faults import deeds

    told["modules"] = sorted(set(sys.modules) - before)
    told |= {"writes": deeds.WATCHED.seen, "unseen": deeds.WATCHED.unseen} if deeds.WATCHED else {}
    _told(asked["place"]).write_text(json.dumps(told))
    # Not the way out of the process that this one was forked from.
    os._exit(status)


def _load(name: str) -> None:
    with contextlib.suppress(ImportError):
        importlib.import_module(name)


def _do(do: Callable[[dict[str, Any]], Any], asked: dict[str, Any]) -> dict[str, Any]:
    from priorconsent import times
    from tests.faults import deeds

    times.now = lambda: asked["now"]
    deeds.watch(asked["fault"], asked["strike"])
    return {"found": do(asked)}


def _wait(pid: int, place: int) -> dict[str, Any]:
    _, status = os.waitpid(pid, 0)
    told = json.loads(_told(place).read_text()) if _told(place).exists() else {}
    return {"status": os.waitstatus_to_exitcode(status), **told}


def _told(place: int) -> Path:
    return OUT / f"told-{place}.json"


if __name__ == "__main__":
    main()
