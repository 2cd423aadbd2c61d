"""Whom a log asks to countersign: the part of a policy that its operator writes."""

from __future__ import annotations

from dataclasses import dataclass

from priorconsent.errors import MalformedError
from priorconsent.log.policy import Group, Policy, Witness, check_keys, check_names, read_lines

# How a registry's policy calls the log's own ML-DSA key, and all that a checkpoint needs to be published.
OWN_ML_DSA, PUBLISHED = "own-ml-dsa", "published"


@dataclass(frozen=True, slots=True)
class Countersigners:
    """Whom a log asks to countersign, in the words of a policy: one without ``log`` lines.

    Args:
        quorum: name of a witness or group; ``None``: they are asked, and none is needed.
    """

    definitions: tuple[Witness | Group, ...] = ()
    quorum: str | None = None

    @classmethod
    def parse(cls, text: str) -> Countersigners:
        """Read them.

        Raises:
            MalformedError: another form, a ``log`` line, or a witness without a URL to ask it at.
            NotAvailableError: a signature type that nobody here knows.
        """
        draft = read_lines(text)
        if draft.logs:
            raise MalformedError("a log knows its own keys: no log lines here")
        found = cls(tuple(draft.definitions), *draft.quorums)
        check_names(found.definitions, found.quorum)
        check_keys(witness.key.public_key for witness in found.witnesses)
        _check_addition(found)
        return found

    @property
    def witnesses(self) -> tuple[Witness, ...]:
        """All of them."""
        return tuple(one for one in self.definitions if isinstance(one, Witness))

    def with_log(self, log: Policy) -> Policy:
        """The policy of readers: what the log itself must have signed, and whoever else is needed.

        Args:
            log: without any other witness, and with a quorum.

        Raises:
            MalformedError: a witness has a key or the name of the log, and nobody is a witness of itself; no quorum.
        """
        if any(witness.key.name == log.origin for witness in self.witnesses):
            raise MalformedError("a log is no witness of itself")
        definitions = (*log.definitions, *self.definitions)
        if log.quorum is None:
            raise MalformedError("a log that need not even sign itself")
        if self.quorum is None:
            return Policy(log.logs, definitions, log.quorum)
        return Policy(log.logs, (*definitions, Group(PUBLISHED, 2, (log.quorum, self.quorum))), PUBLISHED)


def _check_addition(found: Countersigners) -> None:
    """Refuse what could not stand beside a log's own lines."""
    if any(witness.url is None for witness in found.witnesses):
        raise MalformedError("a witness without a URL cannot be asked")
    if any(one.name == PUBLISHED or one.name.startswith(OWN_ML_DSA) for one in found.definitions):
        raise MalformedError(f"names that begin with {OWN_ML_DSA!r}, and {PUBLISHED!r}, are the log's own")
    if any(found.quorum in one.members for one in found.definitions if isinstance(one, Group)):
        raise MalformedError("the quorum is a member of no group")
