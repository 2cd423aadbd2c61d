"""Time-stamp authorities on ``openssl ts``, with a root of their own, answering on loopback."""

import hashlib
import os
import shutil
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from asn1crypto import cms, core, pem, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SETTINGS = """
[authority]
serial = {folder}/serial
default_policy = 1.2.3.4
digests = sha256, sha384, sha512, sha1
signer_digest = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
signer_cert = {folder}/signer.pem
signer_key = {folder}/signer.key
"""
FAR_AWAY = datetime(2040, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Authority:
    """One authority.

    Args:
        root: its root certificate, PEM.
    """

    folder: Path
    root: str

    def answer(self, query: bytes) -> bytes:
        """What ``openssl ts`` answers, at the machine's time."""
        (self.folder / "query").write_bytes(query)
        command = ["openssl", "ts", "-reply", "-config", "settings", "-section", "authority", "-queryfile", "query"]
        subprocess.run([*command, "-out", "reply"], cwd=self.folder, check=True, capture_output=True)
        return (self.folder / "reply").read_bytes()

    def answer_at(self, query: bytes, at: datetime) -> bytes:
        """The same at any time, made by hand: ``openssl`` has but one clock."""
        asked = tsp.TimeStampReq.load(query)
        return self._sign(asked["message_imprint"]["hashed_message"].native, at, asked["nonce"].native)

    def stamp(self, message: bytes, at: datetime) -> bytes:
        """A token over a message at any time."""
        return self._sign(sha256(message), at, None)

    def _sign(self, digest: bytes, at: datetime, nonce: int | None) -> bytes:
        certificate = pem.unarmor((self.folder / "signer.pem").read_bytes())[2]
        signer = asn1_x509.Certificate.load(certificate)
        info = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": "1.2.3.4",
                "message_imprint": {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": digest},
                "serial_number": 7,
                "gen_time": at,
                "nonce": nonce,
            }
        ).dump()
        identity = tsp.SigningCertificateV2({"certs": [{"cert_hash": sha256(certificate)}]})
        attributes = cms.CMSAttributes(
            [
                {"type": "content_type", "values": ["tst_info"]},
                {"type": "message_digest", "values": [sha256(info)]},
                {"type": "signing_certificate_v2", "values": [identity]},
            ]
        )
        key = load_pem_private_key((self.folder / "signer.key").read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        signed = {
            "version": "v1",
            "sid": {"issuer_and_serial_number": {"issuer": signer.issuer, "serial_number": signer.serial_number}},
            "digest_algorithm": {"algorithm": "sha256"},
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": "sha256_rsa"},
            "signature": key.sign(attributes.dump(), PKCS1v15(), SHA256()),
        }
        token = {
            "version": "v3",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(info)},
            "certificates": [signer],
            "signer_infos": [signed],
        }
        content = {"content_type": "signed_data", "content": cms.SignedData(token)}
        made: bytes = tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": content}).dump()
        return made


def sha256(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()


def make_authority(folder: Path, name: str = "Authority", until: datetime = FAR_AWAY) -> Authority:
    """A root, and below it a certificate for time-stamps that ends; both began in 2020."""
    if shutil.which("openssl") is None:
        missing = "openssl is not here, so nobody stamps"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    folder.mkdir(parents=True)
    root_key, signer_key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    root = _certificate(f"{name} root", root_key.public_key(), f"{name} root", FAR_AWAY)
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    signer = _certificate(f"{name} signer", signer_key.public_key(), f"{name} root", until)
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    signer = signer.add_extension(purpose, critical=True)
    (folder / "signer.pem").write_bytes(signer.sign(root_key, SHA256()).public_bytes(Encoding.PEM))
    (folder / "signer.key").write_bytes(
        signer_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
    (folder / "settings").write_text(SETTINGS.format(folder=folder))
    (folder / "serial").write_text("01\n")
    return Authority(folder, root.sign(root_key, SHA256()).public_bytes(Encoding.PEM).decode())


def _certificate(subject, key, issuer, until):
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (subject, issuer))
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    made = made.serial_number(x509.random_serial_number()).not_valid_before(begin)
    return made.not_valid_after(until)


@contextmanager
def serving(answer):
    """The URL of an authority that answers queries with what ``answer`` gives."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            query = self.rfile.read(int(self.headers["content-length"]))
            reply = answer(query)
            self.send_response(200)
            self.send_header("content-type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
