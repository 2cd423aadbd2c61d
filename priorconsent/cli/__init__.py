"""The command line: ``priorconsent COMMAND …``.

Only the module of the command given is imported, since a single ``check`` is mostly start-up. Each
such module has ``configure(parser)`` and ``run(arguments) -> exit code``.

Exit codes: 0 permitted or done, 2 usage, 3 not permitted, 4 could not check (5 is ``verify``'s: invalid).
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import warnings
from collections.abc import Callable, Sequence

EXIT_DONE = 0
EXIT_USAGE = 2
EXIT_NOT_PERMITTED = 3
EXIT_COULD_NOT_CHECK = 4

# What a path in the command can be wrong about. Of any other fault, as a full disk, the command knows nothing.
_WRONG_PATH = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)

# command → module, what it is for
COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("priorconsent.cli.check", "may this file, URL, work or identifier be put to this use?"),
    "filter": ("priorconsent.cli.filter", "keep the permitted rows of a manifest"),
    "snapshot": ("priorconsent.cli.snapshot", "fetch, inspect or verify a snapshot"),
    "verify": ("priorconsent.cli.verify", "check the evidence for one grant, offline"),
    "key": ("priorconsent.cli.key", "make or show a party's key"),
    "to-sign": ("priorconsent.cli.to_sign", "fetch the list of what a registrant signs next"),
    "sign": ("priorconsent.cli.sign", "sign a statement, or a list of them"),
    "hand-in": ("priorconsent.cli.hand_in", "hand a signed list in"),
    "keyset": ("priorconsent.cli.keyset", "make a root key; tell, sign and check the keysets of a registry"),
    "log": ("priorconsent.cli.log", "check or follow a whole log; check a promise to log something; be a witness"),
    "receipt": ("priorconsent.cli.receipt", "check a receipt for the registry's answers; add it to a bundle"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    if argv is None:
        # Run by a person, who needs the sentence and not the line of code that it came from.
        warnings.formatwarning = _plainly
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] not in COMMANDS:
        return _overview(words)
    module_name, purpose = COMMANDS[words[0]]
    module = importlib.import_module(module_name)
    parser = argparse.ArgumentParser(prog=f"priorconsent {words[0]}", description=purpose, allow_abbrev=False)
    module.configure(parser)
    arguments = parser.parse_args(words[1:])
    return _run(module.run, arguments)


def _run(run: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    from priorconsent.cli.saying import say
    from priorconsent.errors import MalformedError, NotAvailableError, PriorConsentError, RuleError

    try:
        code = run(arguments)
        sys.stdout.flush()
    except PriorConsentError as error:
        say(f"{error.code}: {error}", sys.stderr)
        usage = isinstance(error, MalformedError | NotAvailableError | RuleError)
        return EXIT_USAGE if usage else EXIT_COULD_NOT_CHECK
    except BrokenPipeError:
        # The reader went away; Python must not complain about it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_COULD_NOT_CHECK
    except OSError as error:
        say(_told(error), sys.stderr)
        return EXIT_USAGE if isinstance(error, _WRONG_PATH) else EXIT_COULD_NOT_CHECK
    except KeyboardInterrupt:
        say("interrupted", sys.stderr)
        return EXIT_COULD_NOT_CHECK
    return code


def _told(error: OSError) -> str:
    if error.filename is None or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}"


def _plainly(message: Warning | str, *_: object, **__: object) -> str:
    return f"warning: {message}\n"


def _overview(words: list[str]) -> int:
    """Everything that is no command: help, the version, or a mistake."""
    from importlib import metadata

    parser = argparse.ArgumentParser(
        prog="priorconsent",
        description="Prior permission for AI training: ask, decide and prove at home.",
        epilog="\n".join(f"  {name:<10} {purpose}" for name, (_, purpose) in COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"priorconsent {metadata.version('priorconsent')}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of those below")
    parser.parse_args(words[:1])
    return EXIT_USAGE
