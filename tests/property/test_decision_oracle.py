"""The decision, held against a slow second reading of its table on thousands of small random worlds.

``Oracle`` is written from the table's words and shares no code with ``decision.py``. Where the words leave a
choice (several refusals at once), it gives every reason that they allow.
"""

import random
from typing import Any

from priorconsent import names, query
from priorconsent.decision import decide
from priorconsent.offers import Offer
from priorconsent.records import convert
from priorconsent.rights import LATEST
from priorconsent.shares import Link
from priorconsent.states import (
    AliasState,
    Claim,
    GrantState,
    Holder,
    LifeEntry,
    PartyState,
    QueryState,
    Refusal,
    RightsTableState,
    WorkState,
)
from tests.world import file, salt, uid

CASES = 4000
INSTANTS = [f"2026-11-{day:02d}T00:00:00Z" for day in range(1, 15)]
NOW = "2026-11-20T00:00:00Z"
ONE_FILE, OTHER_FILE = file("one"), file("two")
FOLDER = "https://studio.example/film/"
PLACES = [
    f"{FOLDER}1.mp4",
    f"{FOLDER}1.mp4?q=1",
    f"{FOLDER}1.mp4?q=2",
    f"{FOLDER}2.mp4",
    "https://studio.example/",
    "http://studio.example/film/1.mp4",
]
ALIASES = [
    ONE_FILE,
    f"url:{FOLDER}1.mp4",
    f"url:{FOLDER}1.mp4?q=1",
    f"prefix:{FOLDER}",
    "prefix:https://studio.example/",
    "host:studio.example",
    "id:isbn:1",
]
PARTIES = [uid(name) for name in ("aya", "bun", "chie")]
VENDORS = [uid(name) for name in ("vendor", "other", "third")]
WORKS = [uid(f"work {number}") for number in range(4)]
USES = ["train.generative", "train.generative.pretrain", "search", "generate.character", "generate.voice"]
LEVELS, METHODS = ["E0", "E1", "E2", "E3"], ["account", "passkey", "key"]
LINKS_OF = {
    "train": {"based_on", "contains"},
    "search": {"based_on", "contains"},
    "generate": {"based_on", "contains", "depicts"},
}

STEPS = [
    ["invalid_query"],
    ["no_record"],
    ["changed_since"],
    ["disputed"],
    ["no_grant"],
    ["not_yet_in_force", "withdrawn", "superseded", "suspended", "expired"],
    ["needs_vendor", "other_licensee", "refused"],
    ["use_not_granted"],
    ["rights_not_granted"],
    ["binding_not_granted", "copy_predates_grant"],
    """needs_modality modality_not_granted needs_model model_not_granted needs_distribution distribution_not_granted
    needs_territory territory_not_granted""".split(),
    ["level_too_low"],
    ["unsupported_term"],
    ["granted"],
]
STEP_OF = {reason: number for number, reasons in enumerate(STEPS, 1) for reason in reasons}


class Oracle:
    """One question and one map: the reasons that the table allows as the answer."""

    def __init__(self, asked, states):
        self.q, self.states = asked, states

    def answer(self):
        works, since = self.named()
        if any(instant > self.q.at for instant in since):
            return {"changed_since"}
        if not works:
            return {"no_record"}
        for work in works:
            if any(self.states[names.work(one)].since > self.q.at for one in self.closure(work)):
                return {"changed_since"}
        per_work = [(work, self.of_work(work, place)) for work, place in sorted(works.items())]
        earliest = min(STEP_OF[next(iter(reasons))] for _, reasons in per_work)
        return next(reasons for _, reasons in per_work if STEP_OF[next(iter(reasons))] == earliest)

    def named(self):
        """Step 2: work → the name that tied it, and when what was looked at changed."""
        q = self.q
        if q.kind == "work":
            return ({q.key: None} if names.work(q.key) in self.states else {}), []
        if q.kind != "url":
            works, since, enough = self.claimed([q.key])
            return (works if enough else {}), since
        whole = q.key
        plain = whole.split("?")[0]
        scheme, rest = plain.split("://")
        parts = rest.split("/")
        folders = [f"prefix:{scheme}://" + "/".join(parts[:count]) + "/" for count in range(len(parts) - 1, 0, -1)]
        works, since, enough = self.claimed([f"url:{whole}"])
        note = self.states.get(f"query:{plain}") if "?" in whole else None
        if not enough and note:
            since = [*since, note.since]
        elif not enough:
            wider, later, enough = self.claimed([*folders, f"host:{parts[0]}"])
            works, since = {**wider, **works}, since + later
        if "?" in whole:
            more, later, settled = self.claimed([f"url:{plain}"])
            works = {**dict.fromkeys(more, "nowhere"), **works}
            since, enough = since + later, enough or settled
        return (works if enough else {}), since

    def claimed(self, tried):
        """Works that a claim from E1 upwards names, up to the first name with a claim of the level asked for."""
        since: list[str] = []
        works: dict[str, str] = {}
        for name in tried:
            state = self.states.get(name)
            if state is None:
                continue
            since += [state.since] if state.since else []
            enough = False
            for claim in state.claims:
                if claim.level == "E0":
                    continue
                work = self.states[names.work(claim.work)]
                # Whether the claim counts rests on who holds the work.
                since.append(work.since)
                speakers = {holder.party for holder in work.holders} if work.share_set else {work.party}
                if claim.party in speakers:
                    works.setdefault(claim.work, name)
                    enough = enough or LEVELS.index(claim.level) >= LEVELS.index(self.q.min_level)
            if enough:
                return works, since, True
        return works, since, False

    def closure(self, work):
        followed = LINKS_OF[self.q.use.split(".")[0]]
        if self.q.use == "generate.expression":
            followed = LINKS_OF["train"]
        seen, todo = set(), [work]
        while todo:
            one = todo.pop()
            if one not in seen:
                seen.add(one)
                todo += [link.work for link in self.states[names.work(one)].links if link.rel in followed]
        return seen

    def of_work(self, work, place):
        scope = self.closure(work)
        if any(self.states[names.work(one)].disputes for one in scope):
            return {"disputed"}
        grants = [self.states[names.grant(grant)] for grant in sorted(self.states[names.work(work)].grants)]
        answers = [self.of_grant(grant, work, place, scope) for grant in grants]
        if not answers:
            return {"no_grant"}
        furthest = max(STEP_OF[next(iter(reasons))] for reasons in answers)
        return next(reasons for reasons in answers if STEP_OF[next(iter(reasons))] == furthest)

    def of_grant(self, grant, work, place, scope):  # noqa: C901, PLR0911, PLR0912 (the table, from top to bottom)
        q, terms = self.q, grant.terms
        holders = {holder.party for one in scope for holder in self.states[names.work(one)].holders}
        if terms.licensee.kind == "public" and any(self.states[names.party(one)].since > q.at for one in holders):
            return {"changed_since"}
        past = [entry for entry in grant.life if entry.time <= q.at]
        if not past or (grant.valid_from and q.at < grant.valid_from):
            return {"not_yet_in_force"}
        for ended in ("withdrawn", "superseded"):
            if any(entry.s == ended and entry.ends_at <= q.at for entry in grant.life):
                return {ended}
        standing = [entry.s for entry in past if entry.s in {"active", "suspended"}]
        if standing[-1] == "suspended":
            return {"suspended"}
        if q.at >= grant.valid_until:
            return {"expired"}
        licensee = self.licensee(terms, scope, holders)
        if licensee:
            return licensee
        if not any(q.use == code or q.use.startswith(code + ".") for code in terms.uses):
            return {"use_not_granted"}
        if not self.rights(work, terms) <= set(terms.rights):
            return {"rights_not_granted"}
        binding = {"sha256": "digest", "url": "location", "work": "named", "identifier": "named"}[q.kind]
        if binding not in terms.bindings or (binding == "location" and place not in terms.locators):
            return {"binding_not_granted"}
        if q.acquired_at < grant.life[0].time:
            return {"copy_predates_grant"}
        restricted = [("modality", q.modality, terms.modalities_in)]
        restricted += [("modality", q.modality_out, terms.modalities_out)] if q.use.startswith("generate.") else []
        restricted += [
            ("model", q.model, terms.models),
            ("distribution", q.distribution, terms.distribution),
            ("territory", q.territory, terms.territory),
        ]
        for name, said, allowed in restricted:
            if list(allowed) != ["*"] and said not in allowed:
                return {f"needs_{name}" if said is None else f"{name}_not_granted"}
        if LEVELS.index(grant.level) < LEVELS.index(q.min_level) or METHODS.index(grant.method) < METHODS.index(
            q.min_method
        ):
            return {"level_too_low"}
        if terms.copies != "acquired_after" or "EU" in terms.territory or "dreams" in terms.rights:
            return {"unsupported_term"}
        return {"granted"}

    def licensee(self, terms, scope, holders):
        q = self.q
        if terms.licensee.kind == "party":
            if q.vendor is None:
                return {"needs_vendor"}
            return set() if q.vendor in {terms.licensee.party, *terms.licensee.affiliates} else {"other_licensee"}
        found = set()
        for party in holders:
            for refusal in self.states[names.party(party)].refusals:
                works = "*" in refusal.works or set(refusal.works) & scope
                uses = any(
                    code == "*" or (q.use + ".").startswith(code + ".") or (code + ".").startswith(q.use + ".")
                    for code in refusal.uses
                )
                if works and uses:
                    if "*" in refusal.vendors or q.vendor in refusal.vendors:
                        found.add("refused")
                    elif q.vendor is None:
                        found.add("needs_vendor")
        return found

    def rights(self, work, terms):
        """Step 9, for the work asked about: docs/spec/records.md, section 5, without the excluded works."""
        q = self.q
        followed = LINKS_OF[q.use.split(".")[0]]
        reached, todo = {(work, "self")}, [work]
        while todo:
            for link in self.states[names.work(todo.pop())].links:
                if link.rel in followed and link.work not in terms.excluded and (link.work, link.rel) not in reached:
                    reached.add((link.work, link.rel))
                    todo.append(link.work)
        rights = set()
        for one, how in reached:
            if how in {"self", "based_on", "contains"}:
                rights.add("copyright")
            if q.use == "generate.character" and how == "depicts":
                rights |= {"copyright", "mark"}
            if q.use == "generate.voice" and how in {"self", "depicts"}:
                rights.add("likeness_voice")
            music = self.states[names.work(one)].kind == "music"
            if how == "contains" and music and q.modality in {None, "audio"}:
                rights |= {"performer", "phonogram"}
        return rights


# Random worlds: mostly a yes, with something wrong here and there


def pick(chance, usual, *others, rate=0.12):
    return chance.choice(others) if chance.random() < rate else usual


def random_map(chance):
    early = INSTANTS[:5]
    works = WORKS[: chance.randint(1, 4)]
    states: dict[str, Any] = {names.RIGHTS_TABLE: RightsTableState(version=1, digest=LATEST.digest, pos=2)}
    grants: dict[str, list[str]] = {work: [] for work in works}
    for number in range(chance.randint(1, 3)):
        grant = random_grant(chance, f"grant {number}", chance.sample(works, chance.randint(1, min(2, len(works)))))
        states[names.grant(grant.terms.grant)] = grant
        for work in grant.terms.works:
            grants[work].append(grant.terms.grant)
    for number, work in enumerate(works):
        links = {
            (pick(chance, "based_on", "contains", "depicts", "part_of", rate=0.6), other)
            for other in works[number + 1 :]
            if chance.random() < 0.3
        }
        holders = {("copyright", chance.choice(PARTIES)) for _ in range(2)}
        states[names.work(work)] = WorkState(
            kind=pick(chance, "film", "music"),
            party=PARTIES[0],
            holders=tuple(Holder(right=right, party=party, level="E3") for right, party in sorted(holders)),
            links=tuple(Link(rel=rel, work=other) for rel, other in sorted(links)),
            complete=True,
            share_set=pick(chance, file(work), None),
            disputes=() if chance.random() < 0.97 else (uid("dispute"),),
            grants=tuple(sorted(grants[work])),
            since=chance.choice(early),
            pos=1,
        )
    for name in ALIASES:
        if chance.random() < 0.4:
            continue
        claims = [
            Claim(
                work=chance.choice(works),
                party=chance.choice(PARTIES),
                level=pick(chance, "E3", *LEVELS[:3], rate=0.25),
            )
            for _ in range(chance.choice([1, 1, 2]))
        ]
        weighty = any(claim.level != "E0" for claim in claims)
        states[name] = AliasState(claims=tuple(claims), since=chance.choice(early) if weighty else None, pos=1)
        if weighty and "?" in name:
            states["query:" + name.removeprefix("url:").split("?")[0]] = QueryState(since=chance.choice(early), pos=1)
    for party in PARTIES:
        refusals = []
        if chance.random() < 0.1:
            refusals.append(
                Refusal(
                    refusal=uid(f"refusal {party}"),
                    vendors=chance.choice([("*",), (VENDORS[0],), (VENDORS[1],)]),
                    works=chance.choice([("*",), (WORKS[0],), (WORKS[1],), ()]),
                    uses=chance.choice([("*",), ("train",), ("train.generative.pretrain",), ("search",), ("sea",)]),
                )
            )
        states[names.party(party)] = PartyState(
            kind="organisation", members=None, keys=(), refusals=tuple(refusals), since=chance.choice(early), pos=1
        )
    return states


def random_grant(chance, label, works):
    begin = chance.choice(INSTANTS[3:7])
    life: list[tuple[Any, str, str | None]] = [("active", begin, None)]
    if chance.random() < 0.2:
        life.append(("suspended", chance.choice(INSTANTS[7:9]), None))
        if chance.random() < 0.5:
            life.append(("active", chance.choice(INSTANTS[9:10]), None))
    if chance.random() < 0.15:
        life.append((chance.choice(["withdrawn", "superseded"]), INSTANTS[10], chance.choice(INSTANTS[10:13])))
    public = chance.random() < 0.4
    valid_from = pick(chance, None, INSTANTS[6], INSTANTS[12])
    terms = {
        "v": 1,
        "registry": file("registry"),
        "grant": uid(label),
        "licensee": {
            "kind": "public" if public else "party",
            "party": None if public else pick(chance, VENDORS[0], VENDORS[1]),
            "affiliates": [] if public else pick(chance, [], [VENDORS[2]]),
        },
        "works": sorted(works),
        "excluded": pick(chance, [], [chance.choice(WORKS)], rate=0.2),
        "rights": pick(
            chance,
            ["copyright"],
            ["copyright", "likeness_voice", "mark", "performer", "phonogram"],
            ["mark"],
            ["copyright", "dreams"],
            rate=0.5,
        ),
        "rights_table": LATEST.digest,
        "share_sets": file("sets"),
        "uses": pick(
            chance,
            ["generate.character", "generate.voice", "search", "train.generative"],
            ["train.generative.pretrain"],
            ["search"],
        ),
        "bindings": pick(chance, ["digest", "location", "named"], ["digest"], ["location"], ["named"]),
        "locators": pick(
            chance, sorted(name for name in ALIASES if not name.startswith(("sha", "id"))), [f"prefix:{FOLDER}"]
        ),
        "copies": pick(chance, "acquired_after", "all", rate=0.03),
        "modalities_in": pick(chance, ["*"], ["video"], ["audio"]),
        "modalities_out": pick(chance, ["*"], ["video"]),
        "models": pick(chance, ["*"], ["A-Video"], []),
        "distribution": pick(chance, ["*"], ["internal"], rate=0.3),
        "territory": pick(chance, ["*"], ["JP"], ["EU", "JP"]),
        "valid_from": valid_from,
        "valid_until": pick(chance, "2028-01-01T00:00:00Z", INSTANTS[11]),
        "withdrawal": {"by": "any", "notice_s": 0},
        "conditions": {},
        "texts": [],
        "supersedes": [],
        "lapse_at": NOW,
        "salt": salt("x"),
    }
    offer = convert(terms, Offer)
    return GrantState(
        digest=file(label),
        offer_digest=offer.digest,
        terms=offer,
        method=pick(chance, "key", *METHODS),
        level=pick(chance, "E3", *LEVELS),
        valid_from=valid_from,
        valid_until=offer.valid_until,
        life=tuple(
            LifeEntry(s=s, pos=pos, time=time, ends_at=ends_at, cause=None)
            for pos, (s, time, ends_at) in enumerate(life)
        ),
        pos=9,
    )


def random_question(chance):
    key = chance.choice(
        [
            {"sha256": ONE_FILE[7:]},
            {"sha256": OTHER_FILE[7:]},
            {"url": chance.choice(PLACES)},
            {"url": PLACES[0]},
            {"url": PLACES[1]},
            {"work": chance.choice(WORKS)},
            {"work": WORKS[0]},
            {"identifier": "isbn:1"},
        ]
    )
    at = pick(chance, INSTANTS[-1], *INSTANTS, rate=0.3)
    question = {
        **key,
        "use": chance.choice(USES),
        "at": at,
        "acquired_at": pick(chance, at, *[one for one in INSTANTS if one <= at]),
        "vendor": pick(chance, VENDORS[0], *VENDORS, None, rate=0.25),
        "territory": pick(chance, "JP", "FR", None),
        "modality": pick(chance, "video", "audio", None, rate=0.3),
        "modality_out": pick(chance, "video", "audio", None),
        "model": pick(chance, "A-Video", "B", None),
        "distribution": pick(chance, "internal", "api", None, rate=0.25),
        "min_level": pick(chance, "E1", "E2", "E3"),
        "min_method": pick(chance, "passkey", *METHODS),
    }
    return query.parse({name: value for name, value in question.items() if value is not None}, now=NOW)


class Fixed(dict[str, Any]):
    state = dict.get


def test_the_decision_agrees_with_a_second_reading_of_its_table():
    chance = random.Random(8)
    seen: dict[str, int] = {}
    for number in range(CASES):
        states = random_map(chance)
        for _ in range(3):
            asked = random_question(chance)
            expected = Oracle(asked, states).answer()
            decision = decide(asked, Fixed(states))
            assert decision.reason in expected, (number, asked)
            assert (decision.verdict == "permitted") == (decision.reason == "granted")
            seen[decision.reason] = seen.get(decision.reason, 0) + 1
    # Every reason that is decided was met, and none only by chance.
    decided = {reason for reasons in STEPS for reason in reasons} - {"invalid_query"}
    assert {reason for reason in decided if seen.get(reason, 0) < 5} == set(), seen
