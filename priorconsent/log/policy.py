"""Policies: whose checkpoints count. The keys of one log, the witnesses known, and how many of them it takes.

Source: C2SP tlog-policy. One policy is for one log here: all ``log`` lines have the same origin, and there are
several only while a log changes its key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from priorconsent.errors import MalformedError
from priorconsent.log import spelling
from priorconsent.log.cosignature import Cosigner
from priorconsent.log.note import Known, Verifier

# 32 witnesses with ML-DSA keys take 66 kB.
MAX_POLICY_BYTES = 1 << 17
MAX_LOGS = MAX_WITNESSES = MAX_GROUPS = 32

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
NONE = "none"

# Where others than the log itself are needed for nothing; every time of a cosignature is later.
BEFORE_ALL = 0


@dataclass(frozen=True, slots=True)
class Log:
    """A key of the log.

    Args:
        url: where the log is served; ``None`` if the policy does not say.
    """

    key: Verifier
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness, or the log itself with its ML-DSA key.

    Args:
        name: within the policy; the key has a name of its own.
        url: where it is asked for cosignatures; ``None`` if the policy does not say.
    """

    name: str
    key: Cosigner
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses and other groups, of which ``threshold`` are needed."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Whose word on the log is believed.

    Args:
        logs: keys of one log; any one will do. At least one.
        definitions: each names only what stands before it.
        quorum: name of a witness or group; ``None``: no witness is needed.
    """

    logs: tuple[Log, ...]
    definitions: tuple[Witness | Group, ...] = ()
    quorum: str | None = None

    def __post_init__(self) -> None:
        _check_counts(self)
        check_names(self.definitions, self.quorum)
        check_keys([*(log.key.public_key for log in self.logs), *(one.key.public_key for one in self.witnesses)])
        _check_words(self)
        _check_characters(self.text())

    @classmethod
    def parse(cls, text: str) -> Policy:
        """Read a policy.

        Raises:
            MalformedError: another form, or a name, key or threshold that the format forbids.
            NotAvailableError: a signature type that nobody here knows.
        """
        draft = read_lines(text)
        return cls(tuple(draft.logs), tuple(draft.definitions), *draft.quorums)

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.logs[0].key.name

    @property
    def witnesses(self) -> tuple[Witness, ...]:
        """All witnesses, whether the quorum asks for them or not; the log itself too, if it stands among them."""
        return tuple(one for one in self.definitions if isinstance(one, Witness))

    @property
    def keys(self) -> tuple[Known, ...]:
        """Keys whose signatures have to verify wherever they stand."""
        return (*(log.key for log in self.logs), *(witness.key for witness in self.witnesses))

    def is_own(self, witness: Witness) -> bool:
        """Whether it is the log itself, whose cosignature says nothing about time."""
        return witness.key.name == self.origin

    def quorum_time(self, times: Mapping[str, int]) -> int | None:
        """The least time at which cosignatures met the quorum.

        Args:
            times: of verified cosignatures by name of the witness, in seconds since 1970 and above 0. That of
                the log itself is not looked at, only whether it is there.

        Returns:
            ``BEFORE_ALL`` if no witness but the log itself is needed; ``None`` if the quorum is not met.
        """
        if self.quorum is None:
            return BEFORE_ALL
        met: dict[str, int | None] = {}
        for one in self.definitions:
            if isinstance(one, Group):
                met[one.name] = _nth(one.threshold, [met[member] for member in one.members])
            else:
                met[one.name] = BEFORE_ALL if one.name in times and self.is_own(one) else times.get(one.name)
        return met[self.quorum]

    def missing(self, cosigned: Collection[str]) -> tuple[str, ...]:
        """Witnesses that have not cosigned and would bring the quorum nearer; none iff it is met.

        Args:
            cosigned: names of witnesses whose cosignatures verified.
        """
        wanted: dict[str, set[str]] = {}
        for one in self.definitions:
            if isinstance(one, Witness):
                wanted[one.name] = set() if one.name in cosigned else {one.name}
            else:
                open_members = [wanted[member] for member in one.members if wanted[member]]
                met = len(one.members) - len(open_members) >= one.threshold
                wanted[one.name] = set() if met else set().union(*open_members)
        found = wanted[self.quorum] if self.quorum is not None else set()
        return tuple(witness.name for witness in self.witnesses if witness.name in found)

    def text(self) -> str:
        """The policy as ``parse`` reads it."""
        lines = [
            *(_spell("log", log.key.vkey(), log.url) for log in self.logs),
            *(_SPELLED[type(one)](one) for one in self.definitions),
            f"quorum {self.quorum or NONE}",
        ]
        return "".join(f"{line}\n" for line in lines)


@dataclass(slots=True)
class Draft:
    """A policy while its lines are read."""

    logs: list[Log] = field(default_factory=list)
    definitions: list[Witness | Group] = field(default_factory=list)
    quorums: list[str | None] = field(default_factory=list)


def _add_log(draft: Draft, arguments: list[str]) -> None:
    match arguments:
        case [vkey, *url] if len(url) <= 1:
            draft.logs.append(Log(Verifier.parse(vkey), *url))
        case _:
            raise _no_line("log")


def _add_witness(draft: Draft, arguments: list[str]) -> None:
    match arguments:
        case [name, vkey, *url] if len(url) <= 1:
            draft.definitions.append(Witness(name, Cosigner.parse(vkey), *url))
        case _:
            raise _no_line("witness")


def _add_group(draft: Draft, arguments: list[str]) -> None:
    match arguments:
        case [name, how_many, *members] if members:
            named = {"any": 1, "all": len(members)}
            threshold = named[how_many] if how_many in named else spelling.from_decimal(how_many)
            draft.definitions.append(Group(name, threshold, tuple(members)))
        case _:
            raise _no_line("group")


def _add_quorum(draft: Draft, arguments: list[str]) -> None:
    match arguments:
        case ["none"]:
            draft.quorums.append(None)
        case [name] if any(one.name == name for one in draft.definitions):
            draft.quorums.append(name)
        case [name]:
            raise MalformedError(f"the quorum {name[:60]!r} is not defined before it")
        case _:
            raise _no_line("quorum")


_LINES: dict[str, Callable[[Draft, list[str]], None]] = {
    "log": _add_log,
    "witness": _add_witness,
    "group": _add_group,
    "quorum": _add_quorum,
}


def read_lines(text: str) -> Draft:
    """The lines of a policy, each by itself; whether they fit together is another question.

    Raises:
        MalformedError: another form, or not exactly one ``quorum`` line.
        NotAvailableError: a signature type that nobody here knows.
    """
    _check_characters(text)
    draft = Draft()
    for line in text.split("\n"):
        match _words(line):
            case []:
                continue
            case [word, *_] if word.startswith("#"):
                continue
            case [word, *arguments] if word in _LINES:
                _LINES[word](draft, arguments)
            case _:
                raise _no_line(line)
    if len(draft.quorums) != 1:
        raise MalformedError("a log policy has exactly one quorum line")
    return draft


def _nth(threshold: int, times: list[int | None]) -> int | None:
    """When the ``threshold``-th of these was there."""
    there = sorted(time for time in times if time is not None)
    return there[threshold - 1] if len(there) >= threshold else None


def _spell(*words: str | None) -> str:
    return " ".join(word for word in words if word is not None)


def _spell_group(group: Group) -> str:
    named = {len(group.members): "all", 1: "any"} if len(group.members) > 1 else {1: "all"}
    return _spell("group", group.name, named.get(group.threshold, str(group.threshold)), *group.members)


_SPELLED: dict[type, Callable[..., str]] = {
    Witness: lambda witness: _spell("witness", witness.name, witness.key.vkey(), witness.url),
    Group: _spell_group,
}


def _check_counts(policy: Policy) -> None:
    groups = len(policy.definitions) - len(policy.witnesses)
    for found, limit, what in (
        (len(policy.logs), MAX_LOGS, "log"),
        (len(policy.witnesses), MAX_WITNESSES, "witness"),
        (groups, MAX_GROUPS, "group"),
    ):
        if found > limit:
            raise MalformedError(f"{found} {what} lines in a log policy, at most {limit} are read")
    if len({log.key.name for log in policy.logs}) != 1:
        raise MalformedError("a log policy names exactly one log, by one key or several")


def check_names(definitions: Iterable[Witness | Group], quorum: str | None) -> None:
    """Each name is defined once, before it is used, and is the member of at most one group."""
    defined: set[str] = set()
    members: set[str] = set()
    for one in definitions:
        if one.name in defined or one.name == NONE:
            raise MalformedError(f"the name {one.name[:60]!r} is taken")
        for member in one.members if isinstance(one, Group) else ():
            if member not in defined or member in members:
                raise MalformedError(f"{member[:60]!r} is not defined before its group, or a member twice")
            members.add(member)
        if isinstance(one, Group) and not 1 <= one.threshold <= len(one.members):
            raise MalformedError(f"{one.threshold} of {len(one.members)} members of {one.name[:60]!r}")
        defined.add(one.name)
    if quorum is not None and quorum not in defined:
        raise MalformedError(f"the quorum {quorum[:60]!r} is not defined")


def _check_words(policy: Policy) -> None:
    if any(len(_words(word)) != 1 or "\n" in word for word in _free_words(policy)):
        raise MalformedError("a name or URL in a log policy is one word")


def _free_words(policy: Policy) -> Iterator[str]:
    yield from (one.name for one in policy.definitions)
    urls = [*(log.url for log in policy.logs), *(witness.url for witness in policy.witnesses)]
    yield from (url for url in urls if url is not None)


def check_keys(keys: Iterable[bytes]) -> None:
    """Refuse a key that stands there twice: under two names it would count as two, and the log as its own witness."""
    found = list(keys)
    if len(set(found)) != len(found):
        raise MalformedError("one key stands twice in a log policy, be it under different names")


def _no_line(line: str) -> MalformedError:
    return MalformedError(f"not a line of a log policy: {line[:60]!r}")


def _words(line: str) -> list[str]:
    # Spaces beyond ASCII are opaque here, and str.split() alone would split at them too.
    return [word for word in line.replace("\t", " ").split(" ") if word]


def _check_characters(text: str) -> None:
    if len(text.encode(errors="surrogatepass")) > MAX_POLICY_BYTES:
        raise MalformedError(f"a log policy longer than {MAX_POLICY_BYTES} bytes")
    if _CONTROL.search(text):
        raise MalformedError("control characters in a log policy")
    if not text.endswith("\n"):
        raise MalformedError("every line of a log policy ends in a newline")
