"""``priorconsent key new|show FILE``: a party's own key."""

from __future__ import annotations

import argparse
import secrets
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from priorconsent import canonical
from priorconsent.cli import EXIT_DONE, asking, keyfile
from priorconsent.keys import KeyRecord, PrivateKey
from priorconsent.records import convert


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="new|show")
    new = actions.add_parser("new", help="make a key", description="make a key; prints its public record")
    new.add_argument("file", metavar="FILE", type=Path, help="private key to write; its record goes to FILE.json")
    new.add_argument("--party", metavar="P", required=True, help="party id of the owner, urn:uuid:…")
    new.add_argument("--encrypt", action="store_true", help="ask for a passphrase, and encrypt the key under it")
    new.add_argument(
        "--passphrase-file", metavar="F", type=Path, help="encrypt the key under the passphrase in this file"
    )
    registry = new.add_mutually_exclusive_group(required=True)
    registry.add_argument("--registry", metavar="DIGEST", help="the registry that the key is for, sha256:…")
    asking.add_trust(registry)
    show = actions.add_parser("show", help="show a key", description="print the public record of a key")
    show.add_argument("file", metavar="FILE", type=Path, help="private key; only FILE.json is read")


def run(arguments: argparse.Namespace) -> int:
    """Make or show; the record goes to standard output, the key id to standard error."""
    record = _new(arguments) if arguments.action == "new" else keyfile.read_record(arguments.file)
    sys.stdout.write(record.encode().decode() + "\n")
    asking.complain(f"key id {record.key_id}")
    return EXIT_DONE


def _new(arguments: argparse.Namespace) -> KeyRecord:
    key = Ed25519PrivateKey.generate()
    registry = arguments.registry or asking.read_trust_file(arguments.trust).registry
    members = {
        "v": 1,
        "registry": registry,
        "party": arguments.party,
        "method": "key",
        "jwk": PrivateKey(key.private_bytes_raw()).jwk.to_json(),
        "salt": canonical.to_base64url(secrets.token_bytes(16)),
        "passkey": None,
    }
    record = convert(members, KeyRecord)
    asks = arguments.encrypt or arguments.passphrase_file
    passphrases = keyfile.PartySecrets(arguments.file, arguments.passphrase_file, twice=True)
    keyfile.write(arguments.file, key, record, passphrases.passphrase(str(arguments.file)) if asks else None)
    return record
