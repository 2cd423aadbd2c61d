"""README and tutorial, executed as they are written.

How a page says what to run:

* a ``sh`` or ``python`` block is run as a whole; what it prints is not looked at;
* in a ``console`` block ``$ `` begins a command, ``> `` goes on with it, and the rest is what it prints, standard
  error included, to the character; ``…`` stands for anything within a line, and alone for any lines;
* every command succeeds; where one should not, the page itself says ``|| echo "exit code $?"``;
* a block after ``<!-- not executed: reason -->`` is left out, and the reason is there for the reader of the source;
* all blocks of a page share one shell, so settings, functions and folders stay.

Three things differ from a reader's terminal: another port than 8000, a home of its own, and ``./run manage``, which
runs what is installed instead of installing it first.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.core.management import get_commands
from django.urls import Resolver404, resolve

from config import env
from priorconsent import cli
from tests.end_to_end.conftest import ROOT, environment
from tests.realservers import free_port

LIMIT_S = 120
FENCED = re.compile(
    r"^(?:<!-- not executed: (?P<why>[^\n]+) -->\n)?```(?P<kind>[a-z]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@dataclass(frozen=True)
class Step:
    """Something to run.

    Args:
        line: of the page, where its block begins.
        printed: what it prints; ``None`` if nobody looks.
    """

    line: int
    command: str
    printed: tuple[str, ...] | None


def steps_of(page: str) -> list[Step]:
    """All that a page says to run, in order."""
    found: list[Step] = []
    for block in FENCED.finditer(page):
        if block["kind"] in _READ and not block["why"]:
            found += _READ[block["kind"]](block["text"], page[: block.start()].count("\n") + 1)
    return found


def dialogue(text: str, line: int) -> list[Step]:
    """The commands of a ``console`` block, each with what it prints."""
    found: list[tuple[str, list[str]]] = []
    for row in text.splitlines():
        if row.startswith("$ "):
            found.append((row[2:] + "\n", []))
            continue
        command, printed = found[-1]
        if row.startswith("> ") and not printed:
            found[-1] = (command + row[2:] + "\n", [])
        else:
            printed.append(row)
    return [Step(line, command, tuple(printed)) for command, printed in found]


_READ: dict[str, Callable[[str, int], list[Step]]] = {
    "sh": lambda text, line: [Step(line, text, None)],
    "python": lambda text, line: [Step(line, f"python - <<'END'\n{text}END\n", None)],
    "console": dialogue,
}


def pattern(rows: tuple[str, ...]) -> str:
    """What the rows stand for, as a regular expression."""
    return "".join(r"(?:.*\n)*?" if row == "…" else ".*?".join(map(re.escape, row.split("…"))) + r"\n" for row in rows)


def execute(page: Path, folder: Path, work: Path, port: int) -> list[str]:
    """Run a page; what went otherwise than it says.

    Args:
        folder: where the reader's shell begins.
        work: an empty folder for the home and what is printed.
    """
    steps = steps_of(page.read_text(encoding="utf-8").replace("8000", str(port)))
    assert steps, f"{page.name} has nothing to run"
    script = ["set -e", "trap 'kill $(jobs -p) 2> /dev/null || :' EXIT"]
    for number, step in enumerate(steps):
        (work / f"{number}.sh").write_text(step.command, encoding="utf-8")
        script.append(f". {shlex.quote(str(work / f'{number}.sh'))} > {shlex.quote(str(work / f'{number}.out'))} 2>&1")
    home = work / "home"
    home.mkdir()
    surroundings = environment(work, HOME=str(home), PYTHONUNBUFFERED="1", NO_PROXY="127.0.0.1")
    surroundings["PATH"] = _path_of_a_reader(surroundings["PATH"])
    for name in ("PRIORCONSENT_DATA", "XDG_STATE_HOME"):
        surroundings.pop(name)
    shell = subprocess.Popen(["bash", "-c", "\n".join(script)], cwd=folder, env=surroundings, start_new_session=True)
    try:
        shell.wait(LIMIT_S)
    finally:
        # Also what the page left running.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGTERM)
    return [fault for number, step in enumerate(steps) for fault in judge(page, step, work / f"{number}.out", shell)]


def _path_of_a_reader(path: str) -> str:
    """Without the virtual environment: a page has to say where its programs are."""
    if sys.prefix == sys.base_prefix:
        return path
    return ":".join(one for one in path.split(":") if one != str(Path(sys.executable).parent))


def judge(page: Path, step: Step, output: Path, shell: subprocess.Popen[bytes]) -> list[str]:
    """What is wrong with one step; of those after a failure nothing is said."""
    if not output.exists():
        return [] if shell.returncode else [f"{page.name}: the block at line {step.line} was never reached"]
    printed = output.read_text(encoding="utf-8")
    is_last = not output.with_name(f"{int(output.stem) + 1}.out").exists()
    told = f"{page.name}, block at line {step.line}:\n{step.command}printed:\n{printed}"
    if is_last and shell.returncode:
        return [f"{told}and the shell ended with {shell.returncode}"]
    if step.printed is None or re.fullmatch(pattern(step.printed), printed):
        return []
    return [f"{told}instead of:\n" + "\n".join(step.printed)]


def checkout_in(folder: Path) -> Path:
    """The checkout, with a ``run`` that installs nothing."""
    folder.mkdir()
    for path in ROOT.iterdir():
        if path.name not in {"run", "var", ".venv", ".git"}:
            (folder / path.name).symlink_to(path)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    stand_in = f'#!/bin/sh\n[ "$1" = manage ] || exit 2\nshift\nexec {sys.executable} {ROOT}/manage.py "$@"\n'
    (folder / "run").write_text(stand_in, encoding="utf-8")
    (folder / "run").chmod(0o755)
    return folder


# what the pages say to do


def test_the_tutorial_goes_as_it_is_written(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    faults = execute(ROOT / "docs" / "tutorial.md", checkout_in(tmp_path / "checkout"), work, free_port())

    assert not faults, "\n\n".join(faults)


def test_the_guide_for_witnesses_goes_as_it_is_written(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    faults = execute(ROOT / "docs" / "guides" / "witness.md", checkout_in(tmp_path / "checkout"), work, free_port())

    assert not faults, "\n\n".join(faults)


def test_the_tutorial_does_the_same_in_japanese():
    pages = [(ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("tutorial.md", "tutorial.ja.md")]
    english, japanese = ([block[0] for block in FENCED.finditer(page)] for page in pages)

    assert english == japanese


def test_the_tour_of_the_readme_goes_as_it_is_written(demo, tmp_path):
    folder = demo.data.parent
    if not (folder / ".venv").exists():
        (folder / ".venv").symlink_to(Path(sys.prefix))
    faults = execute(ROOT / "README.md", folder, tmp_path, demo.running.port)

    assert not faults, "\n\n".join(faults)


def test_the_demo_says_what_the_readme_shows(demo):
    [shown] = [
        block["text"]
        for block in FENCED.finditer((ROOT / "README.md").read_text(encoding="utf-8"))
        if block["text"].startswith("$ ./run demo\n")
    ]
    [step] = dialogue(shown.replace("8000", str(demo.running.port)), 0)

    assert step.printed
    assert re.fullmatch(pattern(step.printed), demo.running.printed)


def test_a_page_that_shows_something_else_is_caught(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```console\n$ echo one\ntwo\n$ echo a b\na …\n```\n\n```sh\nexit 3\n```\n", encoding="utf-8")
    work = tmp_path / "work"
    work.mkdir()
    first, second = execute(page, tmp_path, work, free_port())

    assert "printed:\none\ninstead of:\ntwo" in first
    assert "ended with 3" in second


def test_the_picker_of_the_tutorial_hides_no_problem():
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    [picker] = re.findall(r"^pick\(\) \{\n.*?^\}$", page, re.MULTILINE | re.DOTALL)
    for given in ('{"detail": "not allowed"}', "[]", "no JSON", ""):
        command = ["bash", "-c", f"{picker}\npick a.b"]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)

        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"no a.b in: {given}\n"


# what the pages name


def named(expression: str, text: str | None = None) -> set[tuple[str, str]]:
    """What the pages name in this form, with the page that does."""
    found = set()
    for page in PAGES:
        for match in re.finditer(expression, page.read_text(encoding="utf-8") if text is None else text, re.MULTILINE):
            found.add((str(page.relative_to(ROOT)), match[1]))
    return found


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_leads_somewhere():
    missing = []
    for page, target in named(r"\]\((?!https?:)([^)\s]+)\)"):
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            missing.append((page, target))

    assert not missing


def test_every_file_named_exists():
    # In the tutorial ``registry/`` is the reader's own folder.
    tops = "api|accounts|config|docs|licences|priorconsent|registry|tests|transparency|benchmarks"
    paths = named(rf"`((?:{tops})/[\w./\-]*[\w/]\.(?:py|md|json)|(?:{tops})/[\w/\-]*)`")
    missing = {(page, path) for page, path in paths if not (ROOT / path).exists()}

    assert len(paths) > 50
    assert {path for _, path in missing} <= {"registry/trust.json"}


def options(parser: argparse.ArgumentParser) -> set[str]:
    """Every option of a command, and of the commands below it."""
    found: set[str] = set()
    for action in parser._actions:
        found |= set(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                found |= options(below) | {name}
    return found


def test_every_command_and_option_of_ours_exists():
    unknown = []
    for page, line in named(r"(?:^|[`$ /])(?<!from )priorconsent ((?:\\\n|[^`\n|>;])+)"):
        words = shlex.split(line.replace("\\\n", " ").replace("'", ""))
        if not re.fullmatch(r"[a-z]+(-[a-z]+)*", words[0]):
            continue
        if words[0] not in cli.COMMANDS:
            unknown.append((page, words[0]))
            continue
        parser = argparse.ArgumentParser()
        importlib.import_module(cli.COMMANDS[words[0]][0]).configure(parser)
        unknown += [(page, word) for word in words if word.startswith("--") and word not in options(parser)]

    assert not unknown


def test_every_command_of_the_server_exists():
    starter = set(re.findall(r"^    (\w+)\) ", (ROOT / "run").read_text(encoding="utf-8"), re.MULTILINE))
    missing = [found for found in named(r"run\"? manage ([a-z_]+)") if found[1] not in get_commands()]
    missing += [found for found in named(r"manage\.py ([a-z_]+)") if found[1] not in get_commands()]
    missing += [found for found in named(r"\./run ([a-z]+)") if found[1] not in starter]

    assert not missing


def test_every_setting_named_exists():
    known = {name for setting in env.SETTINGS for name in (setting.name, f"{setting.name}_FILE")}

    assert {name for _, name in named(r"\b(PRIORCONSENT_[A-Z_]+[A-Z])\b")} <= known


def test_every_address_named_exists():
    missing = []
    for page, address in named(r"`(/(?:api/v1|\.well-known|log|blob|snapshots)/[^\s`]*)`"):
        try:
            resolve(re.sub(r"\{[a-z]+\}|…", "00", address))
        except Resolver404:
            missing.append((page, address))

    assert not missing
