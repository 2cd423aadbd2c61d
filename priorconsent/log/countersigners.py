"""Whom a log asks to countersign: the part of a policy that its operator writes."""

from __future__ import annotations

from dataclasses import dataclass

from priorconsent.errors import MalformedError
from priorconsent.log.cosignature import Cosigner
from priorconsent.log.policy import Group, Log, Policy, Witness, check_keys, check_names, read_lines

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

    def with_log(self, logs: tuple[Log, ...], own: Cosigner) -> Policy:
        """The policy of readers: the log's own cosignature, and whoever else is needed.

        Args:
            own: the log's own ML-DSA key.

        Raises:
            MalformedError: a witness has a key or the name of the log: nobody is a witness of itself.
        """
        if any(witness.key.name == own.name for witness in self.witnesses):
            raise MalformedError("a log is no witness of itself")
        definitions = (Witness(OWN_ML_DSA, own), *self.definitions)
        if self.quorum is None:
            return Policy(logs, definitions, OWN_ML_DSA)
        return Policy(logs, (*definitions, Group(PUBLISHED, 2, (OWN_ML_DSA, self.quorum))), PUBLISHED)


def _check_addition(found: Countersigners) -> None:
    """Refuse what could not stand beside a log's own lines."""
    if any(witness.url is None for witness in found.witnesses):
        raise MalformedError("a witness without a URL cannot be asked")
    taken = {OWN_ML_DSA, PUBLISHED} & {one.name for one in found.definitions}
    if taken:
        raise MalformedError(f"the name {taken.pop()!r} is the log's own")
    if any(found.quorum in one.members for one in found.definitions if isinstance(one, Group)):
        raise MalformedError("the quorum is a member of no group")
