"""A PKCS#11 token in software (SoftHSM 2 of Debian), initialised in a folder of its own."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pkcs11
import pytest

from priorconsent.signing import TokenUri, read_uri, tokens

PROGRAM = "softhsm2-util"
LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
PIN = "246813579"


@dataclass(frozen=True)
class SoftHsm:
    """Tokens below a folder, and the file that holds their PIN."""

    folder: Path
    library: Path

    @property
    def pin_file(self) -> Path:
        return self.folder / "pin"

    def token(self, label: str) -> str:
        """Initialise one more token."""
        subprocess.run(
            [PROGRAM, "--init-token", "--free", "--label", label, "--so-pin", "13572468", "--pin", PIN],
            check=True,
            capture_output=True,
        )
        # The library lists its tokens when it is initialised.
        tokens._sessions.clear()
        if str(self.library) in pkcs11._loaded:
            pkcs11.lib(str(self.library)).reinitialize()
        return label

    def text(self, token: str, label: str, *, pin: bool = True) -> str:
        """The URI of a key."""
        source = f"&pin-source=file:{self.pin_file}" if pin else ""
        return f"pkcs11:token={token};object={label}?module-path={self.library}{source}"

    def uri(self, token: str, label: str, *, pin: bool = True) -> TokenUri:
        uri = read_uri(self.text(token, label, pin=pin))
        assert isinstance(uri, TokenUri)
        return uri


def make_softhsm(folder: Path) -> SoftHsm:
    """SoftHSM in a folder, for this process from now on: it reads its settings when it is loaded."""
    library = next((Path(path) for path in LIBRARIES if Path(path).exists()), None)
    if shutil.which(PROGRAM) is None or library is None:
        missing = "SoftHSM is not installed; on Debian: apt install softhsm2"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    (folder / "tokens").mkdir()
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(settings)
    made = SoftHsm(folder, library)
    made.pin_file.write_text(f"{PIN}\n")
    made.pin_file.chmod(0o600)
    return made
