"""Compact JSON Web Signatures, in the one spelling that our records use (RFC 7515, RFC 9864).

Each kind of token has exactly one header, so nothing is negotiated: the header's bytes are
compared, not interpreted.
"""

from __future__ import annotations

from collections.abc import Callable

from priorconsent import canonical
from priorconsent.errors import MalformedError

MAX_TOKEN_BYTES = 1 << 20


def sign(header: dict[str, str], payload: bytes, signer: Callable[[bytes], bytes]) -> bytes:
    """A compact JWS over ``payload``.

    Args:
        signer: gives the 64-byte Ed25519 signature of its argument.
    """
    signed = f"{canonical.to_base64url(canonical.encode(header))}.{canonical.to_base64url(payload)}".encode("ascii")
    return signed + b"." + canonical.to_base64url(signer(signed)).encode("ascii")


class Compact:
    """The three parts of a compact JWS, decoded; nothing is verified yet.

    Args:
        raw: ASCII bytes, at most ``MAX_TOKEN_BYTES``.

    Raises:
        MalformedError: not three parts of base64url, each spelled canonically.
    """

    __slots__ = ("header", "payload", "signature", "signed")

    def __init__(self, raw: bytes) -> None:
        if len(raw) > MAX_TOKEN_BYTES:
            raise MalformedError(f"{len(raw)} bytes of JWS, at most {MAX_TOKEN_BYTES} are read")
        try:
            header, payload, signature = raw.decode("ascii").split(".")
        except ValueError:
            raise MalformedError("not a compact JWS: three parts of base64url, with two full stops between") from None
        self.header = canonical.parse_canonical(canonical.from_base64url(header))
        self.payload = canonical.from_base64url(payload)
        self.signature = canonical.from_base64url(signature, length=64)
        self.signed = raw[: raw.rindex(b".")]

    def kid(self, alg_typ: dict[str, str]) -> str:
        """The key id that the header names, if the header holds just it and ``alg_typ``.

        The id is a hint: who verifies decides by it which key to try, and nothing else.

        Raises:
            MalformedError: another header.
        """
        if not isinstance(self.header, dict) or not isinstance(self.header.get("kid"), str):
            raise MalformedError("the JWS header names no key", pointer="/kid")
        if self.header != {**alg_typ, "kid": self.header["kid"]}:
            raise MalformedError(f"the JWS header is not exactly {sorted(alg_typ.items())} and kid")
        kid: str = self.header["kid"]
        return kid
