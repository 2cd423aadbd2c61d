"""What time-stamp authorities say about a checkpoint: it existed no later than this.

The message is the text of the checkpoint (origin, size, root), which every signature on it covers too, so a
cosignature that joins later leaves a token standing. A token counts when one of two programs by other people
accepts it: the library ``rfc3161-client``, or ``openssl ts``, which reads tokens of authorities that sort their
certificates in another order than DER asks for.

Source: RFC 3161, RFC 5816.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from priorconsent import times
from priorconsent.errors import MalformedError, NotAvailableError, NotTrustedError, SignatureError

if TYPE_CHECKING:
    # Certificates take a fifth of the start of `check`, which never needs them.
    from cryptography import x509

MAX_TOKEN_BYTES = 1 << 16
MAX_AUTHORITIES = 16
OPENSSL_TIMEOUT_S = 10
QUERY_TYPE = "application/timestamp-query"
REPLY_TYPE = "application/timestamp-reply"

Check = Callable[["_Reply", bytes, Sequence["x509.Certificate"]], None]

_HASHES = {"sha256", "sha384", "sha512"}


@dataclass(frozen=True, slots=True)
class Stamp:
    """A token that an authority signed.

    Args:
        time: the message existed then: the authority's time, its stated inaccuracy added, rounded up.
        checked_by: the program that accepted the token.
    """

    time: str
    checked_by: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is sent to an authority.

    Args:
        nonce: the answer must repeat it.
        der: the request.
    """

    nonce: int
    der: bytes


def question(message: bytes) -> Question:
    """Ask for a token over a message; the authority's certificate shall lie in it.

    Raises:
        NotAvailableError: the extra ``timestamp`` is not installed.
    """
    _need_library()
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    asked = (
        TimestampRequestBuilder()
        .data(message)
        .hash_algorithm(HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .cert_request(cert_request=True)
        .build()
    )
    return Question(int(asked.nonce or 0), asked.as_bytes())


def check_answer(asked: Question, token: bytes, message: bytes, authorities: Sequence[str]) -> Stamp:
    """Check what an authority answered, before it is kept.

    Raises:
        SignatureError: also if the answer is one to another question.
    """
    stamp = check(token, message, authorities)
    if _Reply(token).nonce != asked.nonce:
        raise SignatureError("the time-stamp answers another question")
    return stamp


def check(token: bytes, message: bytes, authorities: Sequence[str]) -> Stamp:
    """Verify a token over a message. Takes some 30 ms where ``openssl`` has to be started.

    Args:
        token: a time-stamp response, DER.
        authorities: certificates that are trusted, each in PEM.

    Raises:
        MalformedError: no such response, or one over a weak hash.
        SignatureError: not signed by one of the authorities, or over another message.
        NotAvailableError: neither program is installed.
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise MalformedError(f"a time-stamp of {len(token)} bytes, at most {MAX_TOKEN_BYTES} are read")
    reply, refusals = _Reply(token), []
    certificates = read_authorities(authorities)
    for program in _programs():
        try:
            _CHECKS[program](reply, message, certificates)
        except NotTrustedError as error:
            refusals.append(str(error))
        else:
            return Stamp(reply.time, program)
    raise SignatureError("; ".join(refusals))


def read_authorities(pems: Sequence[str]) -> tuple[x509.Certificate, ...]:
    """The certificates of authorities.

    Raises:
        MalformedError: not exactly one certificate in each text, or too many.
    """
    from cryptography import x509

    if len(pems) > MAX_AUTHORITIES:
        raise MalformedError(f"{len(pems)} time-stamp authorities, at most {MAX_AUTHORITIES} are read")
    try:
        found = [x509.load_pem_x509_certificates(pem.encode()) for pem in pems]
    except ValueError as error:
        raise MalformedError(f"not the certificate of a time-stamp authority: {error}") from None
    if any(len(some) != 1 for some in found):
        raise MalformedError("one certificate to each entry of the time-stamp authorities, the root's")
    return tuple(some[0] for some in found)


class _Reply:
    """A response, read but not believed."""

    def __init__(self, token: bytes) -> None:
        if importlib.util.find_spec("asn1crypto") is None:
            raise NotAvailableError("time-stamps need the extra: pip install 'priorconsent[timestamp]'")
        from asn1crypto import tsp

        self.raw = token
        try:
            signed = tsp.TimeStampResp.load(token, strict=True)["time_stamp_token"]["content"]
            info = signed["encap_content_info"]["content"].parsed
            self.nonce: int | None = info["nonce"].native
            self.time = _latest(info["gen_time"].native, info["accuracy"].native)
            imprint: str = info["message_imprint"]["hash_algorithm"]["algorithm"].native
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise MalformedError(f"not a time-stamp: {error}") from None
        if imprint not in _HASHES:
            raise MalformedError(f"a time-stamp over {imprint}; {', '.join(sorted(_HASHES))} are trusted")


def _latest(instant: datetime, accuracy: dict[str, int | None] | None) -> str:
    """The last whole second at which the message may have been made."""
    parts = accuracy or {}
    instant += timedelta(
        seconds=parts.get("seconds") or 0,
        milliseconds=parts.get("millis") or 0,
        microseconds=parts.get("micros") or 0,
    )
    floor = times.spell(instant)
    return times.plus(floor, 1) if instant.microsecond else floor


def _programs() -> list[str]:
    found = ["rfc3161-client"] if importlib.util.find_spec("rfc3161_client") else []
    found += ["openssl"] if shutil.which("openssl") else []
    if not found:
        raise NotAvailableError("time-stamps need openssl, or: pip install 'priorconsent[timestamp]'")
    return found


def _need_library() -> None:
    if importlib.util.find_spec("rfc3161_client") is None:
        raise NotAvailableError("asking for time-stamps needs the extra: pip install 'priorconsent[timestamp]'")


def _rfc3161_client(reply: _Reply, message: bytes, certificates: Sequence[x509.Certificate]) -> None:
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    try:
        VerifierBuilder(roots=list(certificates)).build().verify_message(decode_timestamp_response(reply.raw), message)
    except (VerificationError, ValueError) as error:
        raise SignatureError(f"rfc3161-client refuses the time-stamp: {error}") from None


def _openssl(reply: _Reply, message: bytes, certificates: Sequence[x509.Certificate]) -> None:
    import subprocess
    import tempfile

    from cryptography.hazmat.primitives.serialization import Encoding

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "message").write_bytes(message)
        (folder / "token").write_bytes(reply.raw)
        (folder / "authorities").write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in certificates))
        command = ["openssl", "ts", "-verify", "-data", "message", "-in", "token", "-CAfile", "authorities"]
        # The certificates counted when the token was made; today they may have ended.
        command += ["-attime", str(times.to_unix(reply.time))]
        try:
            # A fixed command; what comes from outside lies in the files.
            ran = subprocess.run(  # noqa: S603
                command, cwd=folder, capture_output=True, timeout=OPENSSL_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotTrustedError(f"openssl could not check the time-stamp: {error}") from None
    if ran.returncode:
        why = ran.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise SignatureError(f"openssl refuses the time-stamp: {''.join(why)}")


_CHECKS: dict[str, Check] = {"rfc3161-client": _rfc3161_client, "openssl": _openssl}
