"""Policies: whose checkpoints count. For now one log and no witnesses.

Source: C2SP tlog-policy.
"""

from __future__ import annotations

from dataclasses import dataclass

from priorconsent.errors import MalformedError, NotAvailableError
from priorconsent.log.note import Verifier

MAX_POLICY_BYTES = 1 << 16

_NOT_YET = {"witness": "witness cosignatures are", "group": "witness groups are"}


@dataclass(frozen=True, slots=True)
class Policy:
    """One log, trusted without witnesses.

    Args:
        log: the log's key; its name is the log's origin.
        url: where the log is served; ``None`` if the policy does not say.
    """

    log: Verifier
    url: str | None = None

    @classmethod
    def parse(cls, text: str) -> Policy:
        """Read a policy.

        Raises:
            MalformedError: anything but one ``log`` line and one ``quorum none`` line.
            NotAvailableError: witnesses, groups of them, or a quorum of them.
        """
        _check_characters(text)
        logs: list[Policy] = []
        quorums = 0
        for line in text.split("\n"):
            match _words(line):
                case []:
                    continue
                case [word, *_] if word.startswith("#"):
                    continue
                case ["log", vkey, *url] if len(url) <= 1:
                    logs.append(cls(Verifier.parse(vkey), *url))
                case ["quorum", "none"]:
                    quorums += 1
                case ["quorum", _]:
                    raise NotAvailableError("a quorum of witnesses is not available yet")
                case [word, *_] if word in _NOT_YET:
                    raise NotAvailableError(f"{_NOT_YET[word]} not available yet")
                case _:
                    raise MalformedError(f"not a line of a log policy: {line[:60]!r}")
        if len(logs) != 1 or quorums != 1:
            raise MalformedError("a log policy has exactly one log line and one quorum line")
        return logs[0]

    def text(self) -> str:
        """The policy as ``parse`` reads it."""
        return " ".join(["log", self.log.vkey(), *([self.url] if self.url else [])]) + "\nquorum none\n"


def _words(line: str) -> list[str]:
    # Spaces beyond ASCII are opaque here, and str.split() alone would split at them too.
    return [word for word in line.replace("\t", " ").split(" ") if word]


def _check_characters(text: str) -> None:
    if len(text.encode(errors="surrogatepass")) > MAX_POLICY_BYTES:
        raise MalformedError(f"a log policy longer than {MAX_POLICY_BYTES} bytes")
    if any(character == "\x7f" or (character < " " and character not in "\t\n") for character in text):
        raise MalformedError("control characters in a log policy")
    if not text.endswith("\n"):
        raise MalformedError("every line of a log policy ends in a newline")
