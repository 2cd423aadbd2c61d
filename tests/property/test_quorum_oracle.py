"""Quorums, against somebody who tries every subset."""

import functools
import itertools

from hypothesis import given
from hypothesis import strategies as st

from priorconsent.errors import PriorConsentError
from priorconsent.log.cosignature import COSIGNATURE_ED25519
from priorconsent.log.note import Verifier
from priorconsent.log.policy import BEFORE_ALL, Group, Log, Policy, Witness
from tests import scenario as cast
from tests.witnesses import LOG, Signs

NAMES = [f"w{number}" for number in range(5)]


@functools.cache
def witnesses():
    """Five; the first is the log itself."""
    keys = [Signs(cast.ORIGIN if name == "w0" else f"witness.example/{name}", COSIGNATURE_ED25519) for name in NAMES]
    return tuple(Witness(name, key.cosigner) for name, key in zip(NAMES, keys, strict=True))


@st.composite
def policies(draw):
    """Any tree of groups, some of it outside the quorum."""
    free, groups = list(NAMES), []
    for number in range(draw(st.integers(0, 4))):
        members = draw(st.lists(st.sampled_from(free), min_size=1, max_size=len(free), unique=True))
        groups.append(Group(f"g{number}", draw(st.integers(1, len(members))), tuple(members)))
        free = [name for name in free if name not in members] + [groups[-1].name]
    quorum = draw(st.none() | st.sampled_from([*NAMES, *(group.name for group in groups)]))
    return Policy((Log(LOG),), (*witnesses(), *groups), quorum)


def is_met(policy, there, name):
    """The sentence of the specification, word by word."""
    if name is None or name in there:
        return True
    groups = {one.name: one for one in policy.definitions if isinstance(one, Group)}
    return name in groups and (
        sum(is_met(policy, there, member) for member in groups[name].members) >= groups[name].threshold
    )


def tried(policy, times):
    """The least time at which those who had cosigned by then, and the log itself if it did, meet the quorum."""
    own = {"w0"} & set(times)
    for time in sorted({BEFORE_ALL, *times.values()}):
        if is_met(policy, own | {name for name, at in times.items() if at <= time and name != "w0"}, policy.quorum):
            return time
    return None


cosignatures = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 9))


@given(policies(), cosignatures)
def test_the_quorum_time_is_the_one_that_trying_finds(policy, times):
    assert policy.quorum_time(times) == tried(policy, times)


@given(policies(), cosignatures, st.sampled_from(NAMES), st.integers(1, 9))
def test_one_more_cosignature_never_undoes_a_quorum_nor_makes_it_later(policy, times, name, at):
    before = policy.quorum_time(times)
    after = policy.quorum_time({**times, name: min(at, times.get(name, at))})
    assert before is None or (after is not None and after <= before)


@given(policies(), st.sets(st.sampled_from(NAMES)))
def test_who_is_missing_is_who_could_bring_the_quorum(policy, there):
    missing = set(policy.missing(there))
    assert (not missing) == is_met(policy, there, policy.quorum)
    assert not missing & there
    # Enough of the missing ones always suffice; those who are not missing never do.
    assert is_met(policy, there | missing, policy.quorum)
    others = set(NAMES) - missing - there
    for number, some in itertools.product(range(len(others) + 1), [sorted(others)]):
        for added in itertools.combinations(some, number):
            assert is_met(policy, there | set(added), policy.quorum) == (not missing)


@given(policies())
def test_a_policy_reads_back_as_written(policy):
    assert Policy.parse(policy.text()) == policy


SPELLED = [LOG.vkey(), *(witness.key.vkey() for witness in witnesses()[:3]), "https://a.example"]
WORDS = st.sampled_from([*"log witness group quorum none any all 1 2 w1 w2 g # \t".split(" "), *"\n\n\n", *SPELLED])
LINES = st.sampled_from(
    [
        f"log {LOG.vkey()}\n",
        f"log {Verifier(cast.ORIGIN, cast.key('log-2').jwk.raw).vkey()} https://a.example\n",
        f"witness w1 {witnesses()[1].key.vkey()}\n",
        f"witness w2 {witnesses()[2].key.vkey()} https://b.example\n",
        "group g 1 w1 w2\n",
        "group h all g\n",
        "quorum g\n",
        "quorum w1\n",
        "quorum none\n",
    ]
)


@given(st.one_of(st.lists(WORDS, max_size=20).map(" ".join), st.lists(LINES, max_size=8).map("".join)))
def test_any_lines_are_a_policy_in_one_meaning_or_our_own_error(text):
    try:
        policy = Policy.parse(text)
    except PriorConsentError:
        return
    assert Policy.parse(policy.text()) == policy
    assert text.endswith("\n")
    assert sum(line.split()[:1] == ["quorum"] for line in text.split("\n")) == 1
