"""Time-stamp authorities on ``openssl ts``, with a root of their own, answering on loopback."""

import os
import shutil
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
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
YEARS = timedelta(days=3650)


@dataclass(frozen=True)
class Authority:
    """One authority.

    Args:
        root: its root certificate, PEM.
    """

    folder: Path
    root: str

    def answer(self, query: bytes) -> bytes:
        (self.folder / "query").write_bytes(query)
        command = ["openssl", "ts", "-reply", "-config", "settings", "-section", "authority", "-queryfile", "query"]
        subprocess.run([*command, "-out", "reply"], cwd=self.folder, check=True, capture_output=True)
        return (self.folder / "reply").read_bytes()


def make_authority(folder: Path, name: str = "Authority", lasts: timedelta = YEARS) -> Authority:
    """A root, and below it a certificate for time-stamps that ends after ``lasts``."""
    if shutil.which("openssl") is None:
        missing = "openssl is not here, so nobody stamps"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    folder.mkdir(parents=True)
    root_key, signer_key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    root = _certificate(f"{name} root", root_key.public_key(), f"{name} root", YEARS)
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    signer = _certificate(f"{name} signer", signer_key.public_key(), f"{name} root", lasts)
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    signer = signer.add_extension(purpose, critical=True)
    (folder / "signer.pem").write_bytes(signer.sign(root_key, SHA256()).public_bytes(Encoding.PEM))
    (folder / "signer.key").write_bytes(
        signer_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
    (folder / "settings").write_text(SETTINGS.format(folder=folder))
    (folder / "serial").write_text("01\n")
    return Authority(folder, root.sign(root_key, SHA256()).public_bytes(Encoding.PEM).decode())


def _certificate(subject, key, issuer, lasts):
    begin = datetime.now(UTC) - timedelta(minutes=1)
    subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (subject, issuer))
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    made = made.serial_number(x509.random_serial_number()).not_valid_before(begin)
    return made.not_valid_after(datetime.now(UTC) + lasts)


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
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
