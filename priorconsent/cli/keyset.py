"""``priorconsent keyset root|show|sign|check``: what the holders of a registry's root keys do, offline."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from priorconsent import canonical
from priorconsent.ceremony.finishing import sign_apart
from priorconsent.ceremony.rules import check_follows, check_keyset
from priorconsent.ceremony.telling import tell
from priorconsent.cli import EXIT_DONE
from priorconsent.cli.saying import say
from priorconsent.cli.secrets import Terminal
from priorconsent.errors import MalformedError, NotAllowedError
from priorconsent.files import read_at_most, write_new
from priorconsent.keys import Keyset, payload_of, read_keyset
from priorconsent.signing import FileUri, KeyUri, PublicUri, make_key, open_key, read_uri

MAX_FILE_BYTES = 1 << 20
YES = "yes"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="root|show|sign|check")
    root = actions.add_parser("root", help="make a root key", description="make a root key; prints its public half")
    _add_key(root)
    root.add_argument("--existing", action="store_true", help="the key is there already: only print its public half")
    show = actions.add_parser("show", help="tell a keyset in words", description="tell a keyset in plain words")
    sign = actions.add_parser("sign", help="sign a keyset", description="tell a keyset in plain words, ask, and sign")
    for action in (show, sign):
        action.add_argument("file", metavar="FILE", type=Path, help="payload of a keyset, or a signed one")
        action.add_argument("--previous", metavar="F", type=Path, help="the signed keyset that it follows")
    _add_key(sign)
    sign.add_argument("--digest", metavar="D", help="sign without asking, if this is the digest: sha256:…")
    sign.add_argument("--out", metavar="F", type=Path, help="where the signature goes; default FILE.<key>.sig")
    check = actions.add_parser("check", help="verify keysets", description="verify a chain of signed keysets")
    check.add_argument("files", metavar="FILE", type=Path, nargs="+", help="signed keysets, from the first one on")


def run(arguments: argparse.Namespace) -> int:
    """Do it; a keyset that does not hold ends with our error."""
    _ACTIONS[arguments.action](arguments)
    return EXIT_DONE


def _root(arguments: argparse.Namespace) -> None:
    uri = _key_uri(arguments.key)
    secrets = Terminal(arguments.passphrase_file, twice=not arguments.existing)
    key = (open_key if arguments.existing else make_key)(uri, secrets)
    say(str(PublicUri(key.jwk.raw)))
    say(f"fingerprint {key.jwk.thumbprint}", sys.stderr)


def _show(arguments: argparse.Namespace) -> None:
    keyset, previous = _read(arguments.file), _previous(arguments.previous)
    check_follows(keyset, previous)
    for line in tell(keyset, previous):
        say(line)


def _sign(arguments: argparse.Namespace) -> None:
    keyset, previous = _read(arguments.file), _previous(arguments.previous)
    if keyset.version > 1 and previous is None:
        raise MalformedError("sign a keyset only beside the one that it follows: --previous FILE")
    check_keyset(keyset, previous)
    for line in tell(keyset, previous):
        say(line)
    key = open_key(_key_uri(arguments.key), Terminal(arguments.passphrase_file))
    roots = {jwk.thumbprint for jwk in (*keyset.roots, *(previous.roots if previous else ()))}
    if key.jwk.thumbprint not in roots:
        raise NotAllowedError(f"{key.jwk.thumbprint} is no root of this keyset, nor of the one before")
    say(f"You would sign as root {key.jwk.thumbprint}")
    _ask(keyset, arguments.digest)
    out = arguments.out or arguments.file.with_name(f"{arguments.file.name}.{key.jwk.thumbprint[:8]}.sig")
    write_new(out, sign_apart(keyset, key).encode() + b"\n")
    say(f"signed: {out}", sys.stderr)


def _check(arguments: argparse.Namespace) -> None:
    previous = None
    for path in arguments.files:
        previous = read_keyset(_bytes(path), previous)
        say(f"keyset {previous.version}: {previous.digest}, signed by its roots")
    if previous is not None:
        say(f"registry {previous.registry_id}")


def _ask(keyset: Keyset, expected: str | None) -> None:
    if expected is not None:
        if expected != keyset.digest:
            raise NotAllowedError(f"its digest is {keyset.digest}, not the one given")
        return
    if not sys.stdin.isatty():
        raise MalformedError("there is nobody to ask; name the digest that was compared: --digest sha256:…")
    if input(f"Sign this? Type {YES}: ") != YES:
        raise NotAllowedError("not signed")


def _add_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", metavar="K", required=True, help="root key: a file, or pkcs11:…")
    parser.add_argument("--passphrase-file", metavar="F", type=Path, help="holds passphrase or PIN; else you are asked")


def _key_uri(text: str) -> KeyUri:
    return read_uri(text) if text.startswith(("file:", "pkcs11:")) else FileUri(Path(text).absolute())


def _read(path: Path) -> Keyset:
    raw = _bytes(path)
    value = canonical.parse_canonical(raw)
    signed = isinstance(value, dict) and "signatures" in value
    return payload_of(raw) if signed else Keyset.parse(raw)


def _previous(path: Path | None) -> Keyset | None:
    # Not its signatures: whether those hold, the ones who signed it know, and ``check`` says for the whole chain.
    return None if path is None else _read(path)


def _bytes(path: Path) -> bytes:
    return read_at_most(path, MAX_FILE_BYTES).strip()


_ACTIONS = {"root": _root, "show": _show, "sign": _sign, "check": _check}
