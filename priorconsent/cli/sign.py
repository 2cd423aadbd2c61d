"""``priorconsent sign TYPE FILE --key K --party P``: acts of one party, signed on its own machine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from priorconsent import canonical, events, lists, statements, times
from priorconsent.cli import EXIT_DONE, keyfile, sign_list
from priorconsent.cli.making import VALID_S, about, statement_of
from priorconsent.errors import MalformedError, NotAllowedError, NotAvailableError
from priorconsent.files import read_at_most
from priorconsent.grants import Token
from priorconsent.keys import KeyRecord
from priorconsent.offers import Offer
from priorconsent.records import convert

MAX_FILE_BYTES = 1 << 20

# Statements with a body → the events that such a body can become.
BODIES: dict[str, tuple[type[events.Event], ...]] = {
    "claim": (events.WorkAdd, events.Alias),
    "shares": (events.ShareSetChange,),
    "refusal": (events.Refuse,),
    "refusal-end": (events.RefuseEnd,),
    "key": (events.PartyKey,),
    "key-end": (events.PartyKeyEnd,),
}
TYPES = ("approval", "acceptance", "withdrawal", *BODIES)
LIST = "list"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    types = (*TYPES, LIST)
    parser.add_argument("type", choices=types, metavar="TYPE", help=", ".join(types))
    parser.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help="an offer; for a withdrawal the grant token; for a party's first key its record; for a list its "
        "JSON Lines; else the body",
    )
    parser.add_argument("--key", metavar="K", type=Path, required=True, help="private key file, its record beside it")
    parser.add_argument("--passphrase-file", metavar="F", type=Path, help="opens an encrypted key; else you are asked")
    parser.add_argument("--party", metavar="P", required=True, help="party id of the signer, urn:uuid:…")
    parser.add_argument("--decline", action="store_true", help="decline the offer instead of agreeing")
    parser.add_argument("--not-after", metavar="T", help="when the signature lapses; default in 30 days")
    of_list = parser.add_argument_group("for a list")
    of_list.add_argument("--out", metavar="OUT", type=Path, help="the signed list to write; never overwritten")
    of_list.add_argument("--only", choices=lists.TYPES, help="refuse a list with anything else in it")
    of_list.add_argument("--yes", action="store_true", help="sign without asking; the summary is printed all the same")


def run(arguments: argparse.Namespace) -> int:
    """Print the statement as a compact JWS: exactly its bytes, but for a line feed on a terminal.

    Of a list nothing but a summary is printed: the signed list is a file.
    """
    if arguments.decline and arguments.type not in statements.DECIDING:
        raise MalformedError("only an approval or acceptance can be declined")
    if arguments.type != LIST and (arguments.out or arguments.only or arguments.yes):
        raise MalformedError("--out, --only and --yes are for a list")
    key, record = keyfile.read(arguments.key, arguments.passphrase_file)
    if record.party != arguments.party:
        raise NotAvailableError(f"the key is that of {record.party}; mandates are not available yet")
    now = times.now()
    lapses = arguments.not_after or times.plus(now, VALID_S)
    if arguments.type == LIST:
        return sign_list.sign_list(arguments, key, record, now, lapses)
    try:
        content = _content(arguments.type, _read(arguments.file), record)
    except MalformedError as error:
        raise MalformedError(f"{arguments.file} cannot be signed as {arguments.type}: {error}") from None
    decision = "decline" if arguments.decline else "approve"
    made = statement_of(arguments.type, record, content, now, lapses, decision)
    signed = statements.sign(made, key).decode("ascii")
    # The evidence digest is over the bytes, so a file must not get a line feed more.
    sys.stdout.write(signed + ("\n" if sys.stdout.isatty() else ""))
    return EXIT_DONE


def _content(kind: str, raw: bytes, record: KeyRecord) -> dict[str, Any]:
    """What the statement is about: its subject, and its body or the rights it answers for."""
    if kind == "withdrawal":
        token = Token(raw)
        _check_registry(token.offer.registry, record)
        return {"subject": token.digest}
    value = canonical.parse(raw)
    canonical.check_sorted(value)
    if kind in statements.DECIDING:
        offer = convert(value, Offer)
        offer.check()
        _check_registry(offer.registry, record)
        return {"subject": offer.digest, "rights": list(offer.rights) if kind == "approval" else []}
    if kind == "key" and value == record.to_json():
        value = {"party": record.party, "key": record.key_id, "method": record.method, "bound_by": None}
    _check_body(kind, value, record)
    return about(value)


def _check_registry(registry: str, record: KeyRecord) -> None:
    if registry != record.registry:
        raise NotAllowedError(f"the file is of registry {registry}, the key for {record.registry}")


def _check_body(kind: str, body: Any, record: KeyRecord) -> None:
    """Refuse a body that no event could carry: signed, it would only be turned down later."""
    expected = [sorted(statements.body_of(dict.fromkeys(event.__struct_encode_fields__))) for event in BODIES[kind]]
    if not isinstance(body, dict) or sorted(body) not in expected:
        spelled = "; or ".join(", ".join(members) for members in expected)
        raise MalformedError(f"the body of a statement of type {kind} has exactly these members: {spelled}")
    if body.get("party", record.party) != record.party:
        raise MalformedError("the body speaks for another party", pointer="/party")


def _read(path: Path) -> bytes:
    return read_at_most(path, MAX_FILE_BYTES).strip()
