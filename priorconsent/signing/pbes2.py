"""The outside of an encrypted key file: how its key is derived, and whether that protects anything.

RFC 5958 (EncryptedPrivateKeyInfo), RFC 8018 (PBES2, PBKDF2), RFC 7914 (scrypt). Of all that these allow, two
shapes are read: scrypt, or PBKDF2 with HMAC-SHA-256, and AES-256-CBC. What they cost is judged before anything
is derived: too little protects no key, too much would eat the machine.
"""

from __future__ import annotations

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from priorconsent.errors import NotTrustedError

# What we write: 16 MiB, five times over, the least that OWASP recommends at this memory. With more memory at
# once the openssl command would not open the file by its own settings.
SCRYPT_COST = 1 << 14
SCRYPT_BLOCK = 8
SCRYPT_PARALLEL = 5

# What we read: at least what ``openssl pkcs8 -scrypt`` and ``-iter 600000`` write, at most what a start may take.
MIN_PBKDF2_ROUNDS = 600_000
MAX_PBKDF2_ROUNDS = 20_000_000
MAX_SCRYPT_BYTES = 1 << 28
MAX_SCRYPT_PARALLEL = 64
MIN_SALT_BYTES = 8

KEY_BYTES = 32
BLOCK_BYTES = 16

PBES2 = ObjectIdentifier("1.2.840.113549.1.5.13")
PBKDF2 = ObjectIdentifier("1.2.840.113549.1.5.12")
SCRYPT = ObjectIdentifier("1.3.6.1.4.1.11591.4.11")
HMAC_SHA256 = ObjectIdentifier("1.2.840.113549.2.9")
AES_256_CBC = ObjectIdentifier("2.16.840.1.101.3.4.1.42")


@asn1.sequence
class _Cipher:
    algorithm: ObjectIdentifier
    iv: bytes


@asn1.sequence
class _Kdf:
    algorithm: ObjectIdentifier
    parameters: asn1.TLV


@asn1.sequence
class _Pbes2:
    kdf: _Kdf
    cipher: _Cipher


@asn1.sequence
class _Scheme:
    algorithm: ObjectIdentifier
    parameters: _Pbes2


@asn1.sequence
class _Container:
    scheme: _Scheme
    data: bytes


@asn1.sequence
class _Scrypt:
    salt: bytes
    cost: int
    block: int
    parallel: int
    key_bytes: int | None


@asn1.sequence
class _Prf:
    algorithm: ObjectIdentifier
    parameters: asn1.Null


@asn1.sequence
class _Pbkdf2:
    salt: bytes
    rounds: int
    key_bytes: int | None
    # Left out, it would mean SHA-1.
    prf: _Prf


def scrypt_container(salt: bytes, iv: bytes, data: bytes) -> bytes:
    """DER of an encrypted key whose key was derived by scrypt at our cost."""
    told = _Scrypt(salt=salt, cost=SCRYPT_COST, block=SCRYPT_BLOCK, parallel=SCRYPT_PARALLEL, key_bytes=KEY_BYTES)
    kdf = _Kdf(algorithm=SCRYPT, parameters=asn1.decode_der(asn1.TLV, asn1.encode_der(told)))
    pbes2 = _Pbes2(kdf=kdf, cipher=_Cipher(algorithm=AES_256_CBC, iv=iv))
    return asn1.encode_der(_Container(scheme=_Scheme(algorithm=PBES2, parameters=pbes2), data=data))


def check_derivation(der: bytes) -> None:
    """Refuse an encrypted key file that does not protect its key, or would cost too much to open.

    Raises:
        NotTrustedError: any other scheme; too few rounds; too many.
    """
    try:
        scheme = asn1.decode_der(_Container, der).scheme
        told = _told(scheme.parameters.kdf)
    except ValueError:
        raise NotTrustedError(
            "the key file is not encrypted with scrypt, nor by PBKDF2 with HMAC-SHA-256 named"
        ) from None
    if (scheme.algorithm, scheme.parameters.cipher.algorithm) != (PBES2, AES_256_CBC):
        raise NotTrustedError("the key file is not encrypted by PBES2 with AES-256-CBC")
    if len(told.salt) < MIN_SALT_BYTES or told.key_bytes not in {None, KEY_BYTES}:
        raise NotTrustedError(f"the key file has a salt of fewer than {MIN_SALT_BYTES} bytes, or derives a short key")
    if isinstance(told, _Scrypt):
        _check_scrypt(told)
    else:
        _check_pbkdf2(told)


def _told(kdf: _Kdf) -> _Scrypt | _Pbkdf2:
    kind = {SCRYPT: _Scrypt, PBKDF2: _Pbkdf2}.get(kdf.algorithm)
    if kind is None:
        raise ValueError("no derivation that we know")
    told: _Scrypt | _Pbkdf2 = kdf.parameters.parse(kind)
    return told


def _check_scrypt(told: _Scrypt) -> None:
    if told.cost < SCRYPT_COST or told.block < SCRYPT_BLOCK or told.parallel < 1:
        raise NotTrustedError(f"scrypt with N below {SCRYPT_COST} or r below {SCRYPT_BLOCK} does not protect a key")
    if 128 * told.cost * told.block > MAX_SCRYPT_BYTES or told.parallel > MAX_SCRYPT_PARALLEL:
        raise NotTrustedError(f"scrypt with more than {MAX_SCRYPT_BYTES} bytes of memory is not tried")


def _check_pbkdf2(told: _Pbkdf2) -> None:
    if told.prf.algorithm != HMAC_SHA256:
        raise NotTrustedError("PBKDF2 with another function than HMAC-SHA-256")
    if told.rounds < MIN_PBKDF2_ROUNDS:
        raise NotTrustedError(f"{told.rounds} rounds of PBKDF2 do not protect a key; {MIN_PBKDF2_ROUNDS} do")
    if told.rounds > MAX_PBKDF2_ROUNDS:
        raise NotTrustedError(f"more than {MAX_PBKDF2_ROUNDS} rounds of PBKDF2 are not tried")
