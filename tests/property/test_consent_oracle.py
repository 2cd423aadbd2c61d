"""Whose yes is needed, held against a slow reading of the formats that walks every path by itself."""

import random
from typing import Any

from priorconsent import canonical, consent, names
from priorconsent.rights import LATEST
from priorconsent.shares import Link
from priorconsent.states import Holder, PartyState, WorkState
from tests.world import START, file, uid

RIGHTS = "copyright moral performer phonogram broadcast likeness_voice mark".split()
KNOWN_USES = """analyse protect train.generative train.generative.pretrain train.nongenerative.finetune specialise
    evaluate retrieve input.user index.ai search generate.expression generate.character generate.voice
    generate.likeness""".split()
ODD_USES = ["train", "generate", "generate.dream", "train.generative.dream", "train.generativex", "dream"]
CASES = 4000


def stated(use, modalities_in):
    """docs/spec/records.md, section 5, as pairs: (how reached, kind or any) → rights; ``None`` for every right."""
    told = []
    families = """train specialise analyse protect evaluate retrieve index.ai input.user search generate.expression
        generate.character generate.voice generate.likeness""".split()

    def is_of(family):
        return (use + ".").startswith(family + ".") or (family + ".").startswith(use + ".")

    if not any(is_of(family) for family in families):
        return None
    told += [(how, "", {"copyright"}) for how in ("self", "based_on", "contains")]
    if is_of("generate.character"):
        told.append(("depicts", "", {"copyright", "mark"}))
    if is_of("generate.voice") or is_of("generate.likeness"):
        told += [("self", "", {"likeness_voice"}), ("depicts", "", {"likeness_voice"})]
    if "*" in modalities_in or "audio" in modalities_in:
        told.append(("contains", "music", {"performer", "phonogram"}))
    return told


def walks(works, start, followed, excluded):
    """Every last step of every path: (work, link). A path goes through each work at most once."""
    steps = set()

    def go(path):
        for link in works[path[-1]].links:
            if link.rel not in followed or link.work is None:
                continue
            steps.add((link.work, link.rel))
            if link.work not in path and link.work not in excluded and link.work in works:
                go([*path, link.work])

    if start in works:
        go([start])
    return steps


def oracle(works, parties, named, excluded, uses, modalities_in):
    """Needs as (work, right, party), the closure, and whether it is grantable."""
    tellings = [stated(use, modalities_in) for use in uses]
    everything = any(told is None for told in tellings)
    rules = [rule for told in tellings if told for rule in told]
    followed = {"based_on", "contains"} | (
        {"depicts"} if everything or any(how == "depicts" for how, *_ in rules) else set()
    )
    steps = {(work, "self") for work in named}
    for work in named:
        steps |= walks(works, work, followed, excluded)
    grantable = not any(work in excluded and how == "based_on" for work, how in steps)
    steps = {(work, how) for work, how in steps if work not in excluded}
    closure = {work for work, _ in steps}
    needs = set()
    for work in closure:
        if work not in works:
            grantable = False
            continue
        state = works[work]
        hows = {how for one, how in steps if one == work}
        rights = set(RIGHTS) if everything else set()
        for how, kind, some in rules:
            if how in hows and kind in {"", state.kind}:
                rights |= some
        held = {(holder.right, holder.party) for holder in state.holders}
        grantable &= state.share_set is not None and state.complete
        for right in rights:
            of_right = {party for one, party in held if one == right}
            grantable &= bool(of_right) or right not in {"copyright", "likeness_voice"}
            grantable &= all(parties[party] in {"organisation", "association", "ai_vendor"} for party in of_right)
            needs |= {(work, right, party) for party in of_right}
    return needs, closure, grantable


class Fixed(dict[str, Any]):
    state = dict.get


def some(chance, options, most):
    return chance.sample(options, chance.randint(0, min(most, len(options))))


def random_case(chance):
    ids = [uid(f"work {number}") for number in range(chance.randint(1, 6))]
    kinds = ["organisation"] * 8 + ["association", "ai_vendor", "person", "committee", "guild"]
    parties = {uid(f"party {number}"): chance.choice(kinds) for number in range(4)}
    works = {}
    for work in ids:
        links = {
            (chance.choice(["part_of", "based_on", "contains", "contains", "depicts"]), chance.choice(ids))
            for _ in range(chance.randint(0, 3))
        }
        links = {(rel, other) for rel, other in links if other != work}
        holders = {(chance.choice([*RIGHTS, "copyright", "copyright"]), chance.choice(list(parties))) for _ in range(3)}
        holders |= {("copyright", chance.choice(list(parties)))} if chance.random() < 0.9 else set()
        holders |= {("likeness_voice", chance.choice(list(parties)))} if chance.random() < 0.5 else set()
        works[work] = WorkState(
            kind=chance.choice(["film", "music", "character", "voice"]),
            party=next(iter(parties)),
            holders=tuple(Holder(right=right, party=party, level="E3") for right, party in sorted(holders)),
            links=tuple(Link(rel=rel, work=other) for rel, other in sorted(links)),
            complete=chance.random() < 0.95,
            share_set=file(work) if chance.random() < 0.97 else None,
            disputes=(),
            grants=(),
            since=START,
            pos=1,
        )
    if chance.random() < 0.05:
        del works[chance.choice(ids)]
    named = chance.sample(ids, chance.randint(1, min(2, len(ids))))
    excluded = [work for work in some(chance, ids, 2) if work not in named and chance.random() < 0.7]
    uses = {
        chance.choice(KNOWN_USES + (ODD_USES if chance.random() < 0.2 else [])) for _ in range(chance.randint(1, 2))
    }
    modalities = chance.choice([("*",), ("audio",), ("video",), ("audio", "video"), ()])
    return works, parties, tuple(sorted(named)), tuple(sorted(excluded)), tuple(sorted(uses)), modalities


def test_whose_yes_is_needed_agrees_with_walking_every_path():
    chance = random.Random(28)
    grantable_seen = needs_seen = 0
    for number in range(CASES):
        works, parties, named, excluded, uses, modalities = random_case(chance)
        states = Fixed({names.work(work): state for work, state in works.items()})
        for party, kind in parties.items():
            states[names.party(party)] = PartyState(kind=kind, members=None, keys=(), refusals=(), since=START, pos=1)
        needs, closure, grantable = oracle(works, parties, named, excluded, uses, modalities)
        found = consent.required(named, excluded, uses, modalities, LATEST, states)
        assert {(need.work, need.right, need.party) for need in found.needs} == needs, number
        assert set(found.works) == closure, number
        assert (not found.problems) == grantable, (number, found.problems)
        pins = sorted([work, works[work].share_set] for work in closure if work in works)
        assert found.share_sets == canonical.digest(canonical.encode(pins)), number
        assert set(found.parties) == {party for *_, party in needs}
        for party in found.parties:
            assert found.rights_of(party) == {right for _, right, one in needs if one == party}
        grantable_seen += grantable
        needs_seen += len(needs)
    assert grantable_seen > CASES / 10
    assert needs_seen > CASES


def test_leaving_a_work_out_never_adds_a_signer():
    chance = random.Random(29)
    for _ in range(1000):
        works, _, named, _, uses, modalities = random_case(chance)
        states = Fixed({names.work(work): state for work, state in works.items()})
        whole = set(consent.required(named, (), uses, modalities, LATEST, states).needs)
        for work in works.keys() - set(named):
            assert set(consent.required(named, (work,), uses, modalities, LATEST, states).needs) <= whole


def test_more_uses_or_modalities_never_take_a_signer_away():
    chance = random.Random(30)
    for _ in range(1000):
        works, _, named, excluded, uses, modalities = random_case(chance)
        states = Fixed({names.work(work): state for work, state in works.items()})
        few = consent.required(named, excluded, uses, modalities, LATEST, states)
        more = consent.required(named, excluded, tuple({*uses, "search"}), modalities, LATEST, states)
        every = consent.required(named, excluded, uses, ("*",), LATEST, states)
        assert set(few.needs) <= set(more.needs)
        assert set(few.needs) <= set(every.needs)
