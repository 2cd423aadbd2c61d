"""``priorconsent log witness …``: say under a key of one's own that a log only grows."""

from __future__ import annotations

import argparse
import logging
import re
import signal
import sys
from pathlib import Path
from typing import Any

from priorconsent.cli import EXIT_DONE
from priorconsent.cli.saying import say
from priorconsent.cli.secrets import Terminal
from priorconsent.errors import MalformedError, SigningError
from priorconsent.files import whole_file
from priorconsent.log.note import Verifier
from priorconsent.log.spelling import to_base64
from priorconsent.witness import config as files
from priorconsent.witness.protocol import Submission
from priorconsent.witness.server import WitnessServer
from priorconsent.witness.witness import Witness

LISTEN = "127.0.0.1:8100"
MAX_PORT = 65535
# As of ``fsck``: something is wrong, and here is the proof.
EXIT_FORK = 5


class Unprotected:
    """Key files without a passphrase, where somebody said that this will do."""

    def passphrase(self, what: str) -> None:
        """There is none."""
        del what

    def pin(self, what: str) -> bytes:
        """Nobody is asked."""
        raise SigningError(f"{what}: name a file that holds the PIN by pin-source= in its URI")

    def plain(self, what: str) -> None:
        """Say what that means."""
        say(f"warning: {what} is not encrypted: whoever copies it can sign for this witness", sys.stderr)


def configure(actions: Any) -> None:
    """Declare the arguments."""
    purpose = "be a witness: cosign what a log publishes as long as it only grows"
    parser = actions.add_parser("witness", description=purpose, help=purpose, allow_abbrev=False)
    steps = parser.add_subparsers(dest="step", required=True, metavar="init|add|serve|show|evidence")
    init = _step(steps, "init", _init, "make a witness: keys, configuration, and a database that is never made again")
    init.add_argument("--name", required=True, help="name of the witness, such as witness.example/1; it stays")
    init.add_argument("--only", choices=files.KINDS, help="make one key; else one of each kind")
    init.add_argument("--ed25519-key", metavar="URI", help="where that key is made: pkcs11:… or file:/…")
    _add_secrets(init)
    add = _step(steps, "add", _add, "cosign for a log from now on")
    add.add_argument("vkey", metavar="VKEY", help="the log's key, from the log line of the registry's policy")
    serve = _step(steps, "serve", _serve, "answer requests until told to end")
    serve.add_argument("--listen", metavar="HOST:PORT", default=LISTEN, help=f"default {LISTEN}; port 0 takes any")
    _add_secrets(serve)
    _step(steps, "show", _show, "print the keys, and the logs with the last size cosigned")
    evidence = _step(steps, "evidence", _evidence, "list what was refused though its log had signed it; code 5: a fork")
    evidence.add_argument("--out", metavar="DIR", type=Path, help="write both sides of each as files")


def _step(steps: Any, name: str, act: Any, purpose: str) -> argparse.ArgumentParser:
    step: argparse.ArgumentParser = steps.add_parser(name, description=purpose, help=purpose, allow_abbrev=False)
    step.add_argument("folder", metavar="FOLDER", type=Path, help="what belongs to the witness")
    step.set_defaults(act=act)
    return step


def _add_secrets(parser: argparse.ArgumentParser) -> None:
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument("--passphrase-file", metavar="F", type=Path, help="holds the passphrase; else you are asked")
    kept.add_argument("--plain", action="store_true", help="key files are not encrypted")


def _init(arguments: argparse.Namespace) -> int:
    kinds = [arguments.only] if arguments.only else list(files.KINDS)
    places = {kind: f"{kind}.pem" for kind in kinds}
    if arguments.ed25519_key is not None:
        if "ed25519" not in places:
            raise MalformedError("--ed25519-key says where a key is that --only leaves out")
        places["ed25519"] = arguments.ed25519_key
    config = files.make(arguments.folder, arguments.name, places, _secrets(arguments, twice=True))
    _show_keys(config)
    return EXIT_DONE


def _add(arguments: argparse.Namespace) -> int:
    key = Verifier.parse(arguments.vkey)
    files.read(arguments.folder)
    files.state(arguments.folder).add_key(key)
    say(f"cosigns for {key.name}")
    return EXIT_DONE


def _serve(arguments: argparse.Namespace) -> int:
    """Until SIGTERM or Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    config, state = files.read(arguments.folder), files.state(arguments.folder)
    keys = files.open_keys(arguments.folder, config, _secrets(arguments))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with WitnessServer(_address(arguments.listen), Witness(state, keys)) as server:
        try:
            say(f"{config.name} listens on {server.url}, for {len(state.held())} logs", sys.stderr)
            server.serve_forever()
        except KeyboardInterrupt:
            say("ended", sys.stderr)
    return EXIT_DONE


def _show(arguments: argparse.Namespace) -> int:
    config, state = files.read(arguments.folder), files.state(arguments.folder)
    _show_keys(config)
    for origin, held in state.held().items():
        say(f"log {origin}: {held.size} entries, root {to_base64(held.root)}")
    return EXIT_DONE


def _evidence(arguments: argparse.Namespace) -> int:
    found = files.state(arguments.folder).evidence()
    for number, one in enumerate(found, 1):
        say(f"{number}. {one.at} {one.kind}: {one.origin}, size {one.size}")
        if arguments.out is not None:
            arguments.out.mkdir(parents=True, exist_ok=True)
            for side, raw in (("held", one.held), ("shown", Submission.parse(one.shown).note), ("request", one.shown)):
                with whole_file(arguments.out / f"{number}-{side}") as file:
                    file.write(raw)
    return EXIT_FORK if any(one.kind == "fork" for one in found) else EXIT_DONE


def _show_keys(config: files.Config) -> None:
    for place in config.keys:
        say(place.vkey)


def _secrets(arguments: argparse.Namespace, *, twice: bool = False) -> Terminal | Unprotected:
    return Unprotected() if arguments.plain else Terminal(arguments.passphrase_file, twice=twice)


def _address(text: str) -> tuple[str, int]:
    found = re.fullmatch(r"\[?([0-9A-Za-z.:-]+?)\]?:([0-9]{1,5})", text)
    if found is None or int(found[2]) > MAX_PORT:
        raise MalformedError("--listen wants HOST:PORT")
    return found[1], int(found[2])
