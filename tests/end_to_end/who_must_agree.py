"""Who must agree, by brute force: the sentences of the design, read once more and without the code under test.

Nothing is computed cleverly: somebody must agree if and only if the yes of everybody else is not enough.
Works and parties go by the names that people know them by.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

# A party, and the right that it says yes for.
Yes = tuple[str, str]

# "… → copyright of the work and of every based_on and contains work"; the generate.* below: "those too".
COPYRIGHT = """train specialise analyse protect evaluate retrieve index.ai input.user search generate.expression
    generate.character generate.voice generate.likeness""".split()
# "Copyright, and likeness_voice where concerned, need at least one holder; other rights only where recorded."
NEVER_EMPTY = {"copyright", "likeness_voice"}


@dataclass(frozen=True)
class Fact:
    """What is true of a work, whoever wrote it down.

    Args:
        shares: right and holder.
        links: kind of link, and the work; ``None`` for one that is known and not registered.
        all_named: nobody and nothing is missing from the two.
    """

    kind: str
    shares: frozenset[tuple[str, str]]
    links: frozenset[tuple[str, str | None]] = frozenset()
    all_named: bool = True


@dataclass(frozen=True)
class Wish:
    """What a vendor would like to do with which works."""

    works: tuple[str, ...]
    uses: tuple[str, ...]
    inputs: tuple[str, ...] = ("video",)
    excluded: frozenset[str] = frozenset()


Facts = Mapping[str, Fact]


def who_must_agree(wish: Wish, facts: Facts) -> frozenset[Yes] | None:
    """Each yes that the wish takes; ``None`` if no yes of whomever would do."""
    everybody = frozenset((party, right) for fact in facts.values() for right, party in fact.shares)
    if not is_enough(everybody, wish, facts):
        return None
    return frozenset(yes for yes in everybody if not is_enough(everybody - {yes}, wish, facts))


def is_enough(said: Collection[Yes], wish: Wish, facts: Facts) -> bool:
    """Whether these yeses let the wish be granted."""
    ways = _ways(wish, facts)
    if any(work in wish.excluded and how == "based_on" for work, how in ways):
        return False
    return all(_agreed(work, how, said, wish, facts) for work, how in ways if work not in wish.excluded)


def _agreed(work: str, how: str, said: Collection[Yes], wish: Wish, facts: Facts) -> bool:
    fact = facts.get(work)
    if fact is None or not fact.all_named or any(linked is None for _, linked in fact.links):
        return False
    for right in (right for use in wish.uses for right in _concerned(use, how, fact.kind, wish.inputs)):
        holders = {party for held, party in fact.shares if held == right}
        if (right in NEVER_EMPTY and not holders) or any((party, right) not in said for party in holders):
            return False
    return True


def _ways(wish: Wish, facts: Facts) -> set[tuple[str, str]]:
    """Each work that the wish reaches, with each way in which it does; an excluded work leads no further."""
    carrying = {"based_on", "contains"}
    if any(_is(use, f"generate.{part}") for use in wish.uses for part in ("character", "voice", "likeness")):
        carrying.add("depicts")
    ways = {(work, "self") for work in wish.works}
    while True:
        entered = {work for work, _ in ways if work not in wish.excluded and work in facts}
        more = {(to, how) for work in entered for how, to in facts[work].links if how in carrying and to is not None}
        if more <= ways:
            return ways
        ways |= more


def _concerned(use: str, how: str, kind: str, inputs: Collection[str]) -> set[str]:
    """The rights that a use concerns in a work of a kind, reached in one way."""
    rights: set[str] = set()
    if any(_is(use, family) for family in COPYRIGHT) and how in {"self", "based_on", "contains"}:
        rights.add("copyright")
    if _is(use, "generate.character") and how == "depicts":
        rights |= {"copyright", "mark"}
    if (_is(use, "generate.voice") or _is(use, "generate.likeness")) and how in {"self", "depicts"}:
        rights.add("likeness_voice")
    if kind == "music" and how == "contains" and {"audio", "*"} & set(inputs):
        rights |= {"performer", "phonogram"}
    return rights


def _is(use: str, family: str) -> bool:
    return use == family or use.startswith(f"{family}.")
