"""The outside of an encrypted key file: how its key is derived, and whether that protects anything.

RFC 5958 (EncryptedPrivateKeyInfo), RFC 8018 (PBES2, PBKDF2), RFC 7914 (scrypt). Of all that these allow, two
shapes are read: scrypt, or PBKDF2 with HMAC-SHA-256, and AES-256-CBC. What they cost is judged before anything
is derived: too little protects no key, too much would eat the machine.
"""

from __future__ import annotations

from typing import TypeVar

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
class _ScryptParameters:
    salt: bytes
    cost: int
    block: int
    parallel: int
    key_bytes: int | None


@asn1.sequence
class _ScryptKdf:
    algorithm: ObjectIdentifier
    parameters: _ScryptParameters


@asn1.sequence
class _ScryptPbes2:
    kdf: _ScryptKdf
    cipher: _Cipher


@asn1.sequence
class _ScryptScheme:
    algorithm: ObjectIdentifier
    parameters: _ScryptPbes2


@asn1.sequence
class _ScryptContainer:
    scheme: _ScryptScheme
    data: bytes


@asn1.sequence
class _Prf:
    algorithm: ObjectIdentifier
    parameters: asn1.Null


@asn1.sequence
class _Pbkdf2Parameters:
    salt: bytes
    rounds: int
    key_bytes: int | None
    # Left out, it would mean SHA-1.
    prf: _Prf


@asn1.sequence
class _Pbkdf2Kdf:
    algorithm: ObjectIdentifier
    parameters: _Pbkdf2Parameters


@asn1.sequence
class _Pbkdf2Pbes2:
    kdf: _Pbkdf2Kdf
    cipher: _Cipher


@asn1.sequence
class _Pbkdf2Scheme:
    algorithm: ObjectIdentifier
    parameters: _Pbkdf2Pbes2


@asn1.sequence
class _Pbkdf2Container:
    scheme: _Pbkdf2Scheme
    data: bytes


_Container = TypeVar("_Container", _ScryptContainer, _Pbkdf2Container)


def scrypt_container(salt: bytes, iv: bytes, data: bytes) -> bytes:
    """DER of an encrypted key whose key was derived by scrypt at our cost."""
    parameters = _ScryptParameters(
        salt=salt, cost=SCRYPT_COST, block=SCRYPT_BLOCK, parallel=SCRYPT_PARALLEL, key_bytes=KEY_BYTES
    )
    kdf = _ScryptKdf(algorithm=SCRYPT, parameters=parameters)
    pbes2 = _ScryptPbes2(kdf=kdf, cipher=_Cipher(algorithm=AES_256_CBC, iv=iv))
    return asn1.encode_der(_ScryptContainer(scheme=_ScryptScheme(algorithm=PBES2, parameters=pbes2), data=data))


def check_derivation(der: bytes) -> None:
    """Refuse an encrypted key file that does not protect its key, or would cost too much to open.

    Raises:
        NotTrustedError: any other scheme; too few rounds; too many.
    """
    container = _read_as(_ScryptContainer, der) or _read_as(_Pbkdf2Container, der)
    if container is None:
        raise NotTrustedError("the key file is not encrypted with scrypt, nor by PBKDF2 with HMAC-SHA-256 named")
    pbes2 = container.scheme.parameters
    kdf = SCRYPT if isinstance(container, _ScryptContainer) else PBKDF2
    algorithms = (container.scheme.algorithm, pbes2.kdf.algorithm, pbes2.cipher.algorithm)
    if algorithms != (PBES2, kdf, AES_256_CBC):
        raise NotTrustedError("the key file is not encrypted by PBES2 with AES-256-CBC")
    if len(pbes2.kdf.parameters.salt) < MIN_SALT_BYTES or pbes2.kdf.parameters.key_bytes not in {None, KEY_BYTES}:
        raise NotTrustedError(f"the key file has a salt of fewer than {MIN_SALT_BYTES} bytes, or derives a short key")
    if isinstance(container, _ScryptContainer):
        _check_scrypt(container.scheme.parameters.kdf.parameters)
    else:
        _check_pbkdf2(container.scheme.parameters.kdf.parameters)


def _check_scrypt(told: _ScryptParameters) -> None:
    if told.cost < SCRYPT_COST or told.block < SCRYPT_BLOCK or told.parallel < 1:
        raise NotTrustedError(f"scrypt with N below {SCRYPT_COST} or r below {SCRYPT_BLOCK} does not protect a key")
    if 128 * told.cost * told.block > MAX_SCRYPT_BYTES or told.parallel > MAX_SCRYPT_PARALLEL:
        raise NotTrustedError(f"scrypt with more than {MAX_SCRYPT_BYTES} bytes of memory is not tried")


def _check_pbkdf2(told: _Pbkdf2Parameters) -> None:
    if told.prf.algorithm != HMAC_SHA256:
        raise NotTrustedError("PBKDF2 with another function than HMAC-SHA-256")
    if told.rounds < MIN_PBKDF2_ROUNDS:
        raise NotTrustedError(f"{told.rounds} rounds of PBKDF2 do not protect a key; {MIN_PBKDF2_ROUNDS} do")
    if told.rounds > MAX_PBKDF2_ROUNDS:
        raise NotTrustedError(f"more than {MAX_PBKDF2_ROUNDS} rounds of PBKDF2 are not tried")


def _read_as(kind: type[_Container], der: bytes) -> _Container | None:
    try:
        return asn1.decode_der(kind, der)
    except ValueError:
        return None
