"""A ceremony at the registry: prepare what the root holders sign, put it together, take it into the log.

Between the steps everything is in one folder, which travels to the root holders and back. They sign on machines
of their own, with the command ``priorconsent keyset sign`` (docs/guides/keys.md).

1. ``prepare``: the plan becomes the payload of a keyset; keys that it names and nobody has yet are made. From now
   on the settings may name them.
2. Each holder signs; the signature files come back into the folder.
3. ``finish``: the signatures become the keyset, if they meet the thresholds; the transcript says what happened.
4. ``install``: each new key is seen to sign, then the keyset is logged.
"""

from __future__ import annotations

from pathlib import Path

from priorconsent import names
from priorconsent.ceremony import finishing
from priorconsent.ceremony.plan import Plan, PlannedKey, keyset_of, read_plan
from priorconsent.ceremony.rules import check_keyset
from priorconsent.ceremony.telling import tell
from priorconsent.ceremony.transcript import Ceremony, write_transcript
from priorconsent.errors import ConflictError, NotFoundError
from priorconsent.files import PUBLIC_MODE, write_new
from priorconsent.keys import Jwk, Keyset, payload_of
from priorconsent.states import KeysetState
from transparency import keysets, signers
from transparency.archive import DatabaseArchive
from transparency.models import Head
from transparency.store import current_states

PLAN, PAYLOAD, PREVIOUS, TOLD = "plan.toml", "payload.json", "previous.json", "read-before-signing.txt"
KEYSET, TRANSCRIPT, TRANSCRIPT_TEXT = "keyset.json", "transcript.json", "transcript.txt"
SIGNATURES = "*.sig"

HOW_TO_SIGN = """
Each root holder reads this, compares the digest with the others, and runs on a machine of their own:

    priorconsent keyset sign payload.json{previous} --key FILE-OR-PKCS11-URI

The file that ends in .sig comes back into this folder.
"""


def prepare(plan_raw: bytes, folder: Path) -> Keyset:
    """Write the folder that goes to the root holders.

    Raises:
        MalformedError: the plan is none.
        RuleError: nobody should sign what it leads to.
        SigningError: a planned key does not open.
        ConflictError: the folder holds a ceremony already.
    """
    plan, signed_before = read_plan(plan_raw), _signed_before()
    previous = payload_of(signed_before) if signed_before else None
    keyset = keyset_of(plan, _public_half, previous)
    check_keyset(keyset, previous)
    lines = "\n".join(tell(keyset, previous)) + "\n"
    files = {
        PLAN: plan_raw,
        PAYLOAD: keyset.encode(),
        TOLD: (lines + HOW_TO_SIGN.format(previous=f" --previous {PREVIOUS}" if previous else "")).encode("utf-8"),
        **({PREVIOUS: signed_before} if signed_before else {}),
    }
    if (folder / PAYLOAD).exists():
        raise ConflictError(f"{folder} holds a ceremony already")
    for name, content in files.items():
        write_new(folder / name, content, PUBLIC_MODE)
    return keyset


def finish(folder: Path, attended: list[str], now: str) -> tuple[Keyset, str]:
    """Put the signatures together; the keyset, and the transcript to be signed on paper.

    Raises:
        RuleError: what was signed is not what the plan says, or nobody should have signed it.
        SignatureError: a signature fails, or too few roots signed.
    """
    plan, previous = read_plan(_read(folder, PLAN)), _previous(folder)
    keyset = Keyset.parse(_read(folder, PAYLOAD))
    check_keyset(keyset, previous)
    _check_plan(plan, keyset)
    handed_in = {path.name: path.read_bytes() for path in sorted(folder.glob(SIGNATURES))}
    signed, signed_by = finishing.finish(keyset, previous, handed_in)
    files = {name: _read(folder, name) for name in (PLAN, PAYLOAD)} | handed_in | {KEYSET: signed}
    told = write_transcript(Ceremony(plan, keyset, previous), signed_by, files, attended, now)
    for name, content in (
        (KEYSET, signed),
        (TRANSCRIPT, told.encode()),
        (TRANSCRIPT_TEXT, told.text().encode("utf-8")),
    ):
        write_new(folder / name, content, PUBLIC_MODE)
    return keyset, told.text()


def install(folder: Path, now: str) -> Keyset:
    """Take the keyset of a finished ceremony into the log: the first one founds the registry.

    Raises:
        SigningError: a key of it does not sign here.
        NotTrustedError: it does not follow the keyset in force.
    """
    signed = _read(folder, KEYSET)
    keyset = payload_of(signed)
    if keyset.version > 1:
        return keysets.install_keyset(now, signed)
    keysets.found_registry(now, signed)
    return keyset


def _public_half(planned: PlannedKey) -> Jwk:
    return signers.find_or_make(planned.uri)


def _check_plan(plan: Plan, keyset: Keyset) -> None:
    """Compare what was signed with the plan, but for keys that only the registry's machine can open."""
    planned = (plan.threshold, plan.key_delay_s, {root.jwk for root in plan.roots})
    periods = sorted((key.use, key.from_, key.until or "") for key in plan.keys)
    if planned != (keyset.threshold, keyset.key_delay_s, set(keyset.roots)):
        raise ConflictError("the payload has other roots, another threshold or another delay than the plan")
    if periods != sorted((key.use, key.from_, key.until or "") for key in keyset.keys):
        raise ConflictError("the payload has other keys than the plan")


def _signed_before() -> bytes | None:
    """The keyset in force, signed; ``None`` before the founding."""
    if Head.now().size == 0:
        return None
    state = current_states().state(names.KEYSET)
    return DatabaseArchive().keyset(state.digest) if isinstance(state, KeysetState) else None


def _previous(folder: Path) -> Keyset | None:
    return payload_of(_read(folder, PREVIOUS)) if (folder / PREVIOUS).exists() else None


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"{folder} has no {name}") from None
