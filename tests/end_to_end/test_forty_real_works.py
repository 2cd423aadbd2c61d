"""Forty real committees: whom the registry asks for their yes, held against the brute-force oracle.

Titles, producers and kinds of sources are real. What a work contains, depicts and is made from is invented from
them: songs where a label is in the committee, a hero where a toy maker is, every third source left unregistered.
"""

import random
from collections import Counter

from licences.problems import NotGrantableError
from tests.end_to_end import catalogue
from tests.end_to_end.house import house
from tests.end_to_end.who_must_agree import Fact, Wish, who_must_agree
from tests.stage import folder

__all__ = ["folder", "house"]

WORKS, WISHES_EACH = 40, 3
MOST_PRODUCERS = 7
REGISTRANT = "A registrant"
RIGHTS = "copyright moral performer phonogram broadcast likeness_voice mark".split()
LABELS = ("Lantis", "Music", "Records")
TOY_MAKERS = ("Bandai", "Bushiroad", "Good Smile Company", "Konami", "Movic", "Takara Tomy")
PUBLISHERS = ("Futabasha", "Kadokawa", "Kodansha", "Mag Garden", "Shogakukan", "Shueisha", "Square Enix")
USES = (
    ("train.generative",),
    ("analyse", "search"),
    ("generate.expression",),
    ("generate.character",),
    ("generate.voice", "train.nongenerative.finetune"),
    ("generate.likeness",),
)
INPUTS = (("video",), ("audio", "video"), ("*",))
# Why nobody at all could grant a wish; any other problem would be a mistake of this test.
HOPELESS = {"incomplete_share_set", "excluded_source", "right_without_holder"}


def committees():
    """The same forty each time: half of them from a source, each with two producers at least."""
    able = [row for row in catalogue.rows() if 2 <= len(row.producers) <= MOST_PRODUCERS]
    chance = random.Random(40)
    originals = [row for row in able if row.source == "Original"]
    adapted = [row for row in able if row.source not in {"Original", "Unknown", "Other", "Mixed media"}]
    return chance.sample(originals, WORKS // 2) + chance.sample(adapted, WORKS // 2)


def facts_of(row):
    """What is true of a work and of those that it leads to, by title."""
    # The catalogue is a third of a larger one: all of its numbers are multiples of three.
    number = int(row.number) // 3
    author, singer = f"Author's company {number % 5}", f"Singers' company {number % 3}"
    labels, toys, houses = (some(row, words) for words in (LABELS, TOY_MAKERS, PUBLISHERS))
    links, found = set(), {}
    if row.source != "Original":
        source = None if number % 3 == 0 else f"The source of {row.title}"
        links.add(("based_on", source))
        if source:
            novel = frozenset({("based_on", f"The novel behind {row.title}")}) if number % 2 else frozenset()
            found[source] = Fact("book", holding("copyright", houses or {author}), novel)
            found |= {to: Fact("book", holding("copyright", {author})) for _, to in novel}
    if labels:
        songs = f"The songs of {row.title}"
        links.add(("contains", songs))
        phonogram, performed = holding("phonogram", labels), holding("performer", {singer})
        found[songs] = Fact("music", holding("copyright", {author}) | phonogram | performed)
    if toys:
        hero = f"The hero of {row.title}"
        links.add(("depicts", hero))
        voice = holding("likeness_voice", {singer}) if number % 4 else frozenset()
        found[hero] = Fact("character", holding("copyright", row.producers[:1]) | holding("mark", toys) | voice)
    voices = holding("likeness_voice", {singer}) if number % 4 else frozenset()
    shares = holding("copyright", row.producers) | voices
    named = all(to for _, to in links)
    return found | {row.title: Fact("series", shares, frozenset(links), all_named=named)}


def some(row, words):
    return {name for name in row.producers if any(word in name for word in words)}


def holding(right, parties):
    return frozenset((right, party) for party in parties)


def wishes(titles, facts):
    """A few for each work; some for two works at once, some leave out what they may or may not leave out."""
    chance = random.Random(41)
    for title in titles * WISHES_EACH:
        works = {title, chance.choice(titles)} if chance.random() < 0.2 else {title}
        linked = sorted({to for work in works for _, to in facts[work].links if to})
        excluded = chance.sample(linked, 1) if linked and chance.random() < 0.3 else []
        yield Wish(tuple(sorted(works)), chance.choice(USES), chance.choice(INPUTS), frozenset(excluded))


def write_down(house, rows, facts):
    """Everything enters the log, in few batches: parties, claims, then share sets."""
    cast = house.cast
    house.admit({REGISTRANT} | {party for fact in facts.values() for _, party in fact.shares})
    house.bring_catalogue(REGISTRANT)
    registrant = cast.players[REGISTRANT]
    for row in rows:
        body = {"work": house.urn_of(row), "kind": facts[row.title].kind, "party": registrant.party}
        house.hand_in(cast.sign(registrant, "claim", body))
    for title in facts.keys() - cast.works.keys():
        cast.register(title, facts[title].kind, registrant)
    cast.log()
    for title, fact in facts.items():
        shares = [(right, cast.players[party]) for right, party in fact.shares]
        cast.share(title, shares, list(fact.links), complete=fact.all_named, signed_by=[registrant])
    cast.log()


def asked_for(house, wish, holder):
    """Whose yes the registry asks for, and why it refuses the offer if nobody's would do; one of them is empty."""
    names = {player.party: name for name, player in house.cast.players.items()}
    urns = house.cast.works
    terms = {
        "works": [urns[title] for title in wish.works],
        "excluded": [urns[title] for title in wish.excluded],
        "uses": list(wish.uses),
        "modalities_in": list(wish.inputs),
        "rights": RIGHTS,
    }
    try:
        offer = house.offer(wish.works[0], holder, **terms)
    except NotGrantableError as error:
        return set(), {problem.code for problem in error.problems}
    return {(names[party], right) for party, rights in offer.needs.items() for right in rights}, set()


def test_the_registry_asks_exactly_those_who_must_agree(house):
    rows = committees()
    assert sum(len(row.producers) for row in rows) > 3 * WORKS
    facts = {title: fact for row in rows for title, fact in facts_of(row).items()}
    write_down(house, rows, facts)
    seen: Counter[str] = Counter()
    for wish in wishes([row.title for row in rows], facts):
        must = who_must_agree(wish, facts)
        holder = min(party for right, party in facts[wish.works[0]].shares if right == "copyright")
        asked, problems = asked_for(house, wish, holder)
        assert (asked, bool(problems)) == (must or set(), must is None), (wish, problems)
        assert problems <= HOPELESS
        seen.update({right for _, right in asked} or {"hopeless"})
    # No kind of right is missing from the comparison, and not everything is hopeless or easy.
    assert min(seen[one] for one in ("likeness_voice", "mark", "performer", "phonogram")) > 1
    assert min(seen[one] for one in ("copyright", "hopeless")) > WORKS / 2
