"""Several people sign a keyset apart from each other: what they agree on, read, and hand in."""

import json
from typing import Any

import msgspec
import pytest

from priorconsent import canonical
from priorconsent.ceremony.finishing import SignatureFile, finish, sign_apart
from priorconsent.ceremony.plan import keyset_of, read_plan
from priorconsent.ceremony.rules import check_follows, check_keyset
from priorconsent.ceremony.telling import spoken, tell
from priorconsent.ceremony.transcript import Ceremony, write_transcript
from priorconsent.errors import MalformedError, RuleError, SignatureError
from priorconsent.keys import Keyset, RegistryKey, jwk_of, read_keyset
from priorconsent.signing import PublicUri, TokenUri
from tests.world import key

DAY_1, DAY_2, DAY_3 = (f"2026-12-0{day}T00:00:00Z" for day in (1, 2, 3))
HOLDERS = ("studio", "publisher", "association")
USES = ("log", "grant", "receipt", "account")


def public(name):
    return str(PublicUri(key(name).jwk.raw))


def plan_text(*, roots=HOLDERS, threshold=2, keys=None, delay=259_200, more=""):
    entries = keys if keys is not None else [(use, public(use), DAY_1, None) for use in USES]
    lines = ['title = "First keyset"', f"threshold = {threshold}", f"key_delay_s = {delay}", more]
    for name in roots:
        lines += ["[[root]]", f'holder = "{name}"', f'key = "{public(name)}"']
    for use, uri, from_, until in entries:
        lines += ["[[key]]", f'use = "{use}"', f'key = "{uri}"', f'from = "{from_}"']
        lines += [f'until = "{until}"'] if until else []
    return "\n".join(lines).encode()


def keyset(previous=None, **other):
    def public_half(planned):
        assert isinstance(planned.uri, PublicUri)
        return jwk_of(planned.uri.key)

    return keyset_of(read_plan(plan_text(**other)), public_half, previous)


def handed_in(made, *names):
    return {f"{name}.sig": sign_apart(made, key(name)).encode() for name in names}


def test_a_plan_becomes_a_keyset():
    made = keyset()
    assert (made.version, made.threshold, made.key_delay_s, made.previous) == (1, 2, 259_200, None)
    assert {jwk.thumbprint for jwk in made.roots} == {key(name).jwk.thumbprint for name in HOLDERS}
    assert {one.use: one.jwk for one in made.keys} == {use: key(use).jwk for use in USES}
    check_keyset(made, None)


def test_a_plan_names_keys_by_uri():
    token = "pkcs11:token=registry;object=grant?module-path=/lib/p11.so"
    plan = read_plan(plan_text(keys=[("grant", token, DAY_1, DAY_2)]))
    assert isinstance(plan.keys[0].uri, TokenUri)
    assert plan.keys[0].until == DAY_2


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff",
        b"title = ",
        plan_text(more='extra = "x"'),
        plan_text(threshold=0),
        plan_text(threshold=33),
        plan_text(roots=()),
        plan_text(keys=[]),
        plan_text(keys=[("root", public("log"), DAY_1, None)]),
        plan_text(keys=[("log", "log.pem", DAY_1, None)]),
        plan_text(keys=[("log", public("log"), "2026-12-01", None)]),
        plan_text().replace(public("studio").encode(), b"file:/home/studio/root.pem"),
        b"#" * (1 << 19),
    ],
    ids=lambda raw: raw[-30:].decode("latin-1"),
)
def test_what_is_no_plan_is_refused(raw):
    with pytest.raises(MalformedError):
        read_plan(raw)


def test_signatures_made_apart_become_a_keyset_that_everybody_reads():
    made = keyset()
    signed, by = finish(made, None, handed_in(made, "studio", "association"))
    assert read_keyset(signed, None) == made
    assert by == {key("studio").jwk.thumbprint, key("association").jwk.thumbprint}


def test_below_the_threshold_there_is_no_keyset():
    made = keyset()
    for names in ((), ("studio",)):
        with pytest.raises(SignatureError):
            finish(made, None, handed_in(made, *names))
    once = handed_in(made, "studio")["studio.sig"]
    with pytest.raises(SignatureError, match="1 of 2"):
        finish(made, None, {"one.sig": once, "again.sig": once})


def other_keyset(made, raw):
    return sign_apart(keyset(delay=0), key("association")).encode()


def a_stranger(made, raw):
    return sign_apart(made, key("stranger")).encode()


def another_text_under_the_digest(made, raw):
    other = SignatureFile.parse(other_keyset(made, raw))
    return msgspec.structs.replace(other, digest=made.digest).encode()


def the_name_of_another_root(made, raw):
    other = SignatureFile.parse(sign_apart(made, key("publisher")).encode())
    return msgspec.structs.replace(SignatureFile.parse(raw), protected=other.protected).encode()


def cut_off(made, raw):
    return raw[:-10]


@pytest.mark.parametrize(
    "break_it", [other_keyset, a_stranger, another_text_under_the_digest, the_name_of_another_root, cut_off]
)
def test_a_signature_that_does_not_fit_is_named(break_it):
    made = keyset()
    files = handed_in(made, "studio", "publisher", "association")
    files["association.sig"] = break_it(made, files["association.sig"])
    with pytest.raises((SignatureError, MalformedError), match=r"association\.sig"):
        finish(made, None, files)


def test_the_next_keyset_is_signed_by_the_roots_before_and_its_own():
    first = keyset()
    following = keyset(first, roots=("studio", "newcomer"), threshold=1)
    check_keyset(following, first)
    signed, _ = finish(following, first, handed_in(following, "studio", "publisher"))
    assert read_keyset(signed, first) == following
    with pytest.raises(SignatureError, match="1 of 2"):
        finish(following, first, handed_in(following, "studio", "newcomer"))
    with pytest.raises(SignatureError, match="0 of 1"):
        finish(following, first, handed_in(following, "publisher", "association"))


FOREVER = [(use, public(use), DAY_1, None) for use in USES]

# what is wrong → how the keyset is planned
REGRETS: dict[str, dict[str, Any]] = {
    "two roots are the same": {"roots": ("studio", "studio")},
    "3 roots would have to sign, and there are 2": {"roots": ("studio", "publisher"), "threshold": 3},
    "each use has a key of its own": {"keys": [*FOREVER, ("receipt", public("grant"), DAY_1, None)]},
    "is a root; roots sign keysets": {"keys": [*FOREVER, ("grant", public("studio"), DAY_1, None)]},
    "would end before it begins": {"keys": [*FOREVER, ("log", public("other"), DAY_2, DAY_2)]},
    "no grant key goes on without end": {"keys": [one for one in FOREVER if one[0] != "grant"]},
    "no log key goes on": {"keys": [(*one[:3], DAY_3 if one[0] == "log" else None) for one in FOREVER]},
    "small order": {"keys": [*FOREVER, ("log", "public:" + "A" * 43, DAY_1, None)]},
}


@pytest.mark.parametrize("regret", REGRETS)
def test_a_keyset_that_nobody_should_sign_is_refused_with_the_reason(regret):
    with pytest.raises(RuleError, match=regret):
        check_keyset(keyset(**REGRETS[regret]), None)


AFTER: dict[str, list[tuple[str, str, str, str | None]]] = {
    "grant key .* is left out": [
        ("grant", public("next"), DAY_1, None),
        *(one for one in FOREVER if one[0] != "grant"),
    ],
    "begin at another time": [(*one[:2], DAY_2 if one[0] == "log" else DAY_1, None) for one in FOREVER],
    "had an end, which is put off": [*FOREVER, ("log", public("old"), DAY_1, DAY_3)],
}


@pytest.mark.parametrize("regret", AFTER)
def test_a_key_of_the_keyset_before_ends_by_until_and_in_no_other_way(regret):
    first = keyset(keys=[*FOREVER, ("log", public("old"), DAY_1, DAY_2)])
    check_keyset(first, None)
    entries = AFTER[regret]
    keeps = entries if regret.startswith("had") else [*entries, ("log", public("old"), DAY_1, DAY_2)]
    with pytest.raises(RuleError, match=regret):
        check_keyset(keyset(first, keys=keeps), first)


def test_a_keyset_is_compared_with_the_one_that_it_follows_and_no_other():
    """Beside another one, which whoever prepares the ceremony could make up, a thief's key would look known."""
    first = keyset()
    following = keyset(first, keys=[*FOREVER, ("grant", public("thief"), DAY_2, None)])
    check_keyset(following, first)
    for made_up in (msgspec.structs.replace(first, keys=following.keys), following):
        for check in (check_keyset, check_follows):
            with pytest.raises(RuleError, match="it follows the keyset"):
                check(following, made_up)


def test_every_reason_is_told_at_once():
    with pytest.raises(RuleError) as refused:
        check_keyset(keyset(roots=("studio", "studio"), threshold=3, keys=FOREVER[:2]), None)
    assert str(refused.value).count(";") == 3


def test_who_signs_reads_fingerprints_uses_periods_and_thresholds():
    made = keyset()
    told = "\n".join(tell(made, None))
    for jwk in (*made.roots, *(one.jwk for one in made.keys)):
        assert jwk.thumbprint in told
    for text in (made.digest, spoken(made.digest), "2 of these 3", DAY_1, "further notice", "(3 days)"):
        assert text in told
    assert len(spoken(made.digest).split()) == 16


def test_who_signs_the_next_one_reads_what_changes():
    first = keyset()
    keys = [(*one[:3], DAY_2 if one[0] == "grant" else None) for one in FOREVER]
    following = keyset(
        first, roots=("studio", "newcomer"), threshold=1, delay=0, keys=[*keys, ("grant", public("next"), DAY_2, None)]
    )
    lines = tell(following, first)

    def line(name):
        return next(one for one in lines if key(name).jwk.thumbprint in one)

    assert line("studio").endswith("as before")
    assert line("newcomer").endswith("NEW")
    assert line("publisher").endswith("NO LONGER A ROOT")
    assert line("log").endswith("as before")
    assert line("next").endswith("NEW")
    assert line("grant").endswith(f"CHANGED: it was from {DAY_1} until further notice")
    assert any("THRESHOLD CHANGES from 2 to 1" in one for one in lines)
    assert lines[-1].endswith("CHANGED from 259200 s")
    assert any("nothing here says what changes" in one for one in tell(following, None))


def test_the_transcript_says_who_signed_with_what():
    plan = read_plan(plan_text())
    made = keyset()
    signed, by = finish(made, None, handed_in(made, "studio", "publisher"))
    files = {"payload.json": made.encode(), "keyset.json": signed}
    told = write_transcript(Ceremony(plan, made, None), by, files, ["Aoi", "Noor"], DAY_2)
    assert {one.holder: one.signed for one in told.holders} == {"studio": True, "publisher": True, "association": False}
    assert told.files["keyset.json"] == canonical.digest(signed)
    assert json.loads(told.encode())["digest"] == made.digest
    text = told.text()
    for expected in ("Aoi  ___", "Noor  ___", "[x] " + key("studio").jwk.thumbprint, "cryptography ", made.digest):
        assert expected in text
    assert "[ ] " + key("association").jwk.thumbprint in text


def test_a_root_that_leaves_is_in_the_transcript_too():
    first = keyset()
    following = keyset(first, roots=("studio", "newcomer"), threshold=1)
    plan = read_plan(plan_text(roots=("studio", "newcomer"), threshold=1))
    _, by = finish(following, first, handed_in(following, "studio", "publisher"))
    told = write_transcript(Ceremony(plan, following, first), by, {}, ["Aoi"], DAY_2)
    assert {one.holder: one.signed for one in told.holders} == {
        "studio": True,
        "newcomer": False,
        "a root of the keyset before": True,
    }


def test_a_keyset_written_by_hand_is_held_to_the_same_rules():
    made = keyset()
    wrong = RegistryKey(jwk=key("studio").jwk, use="grant", from_=DAY_1, until=None)
    by_hand = msgspec.structs.replace(made, keys=tuple(sorted((*made.keys, wrong), key=lambda one: one.encode())))
    with pytest.raises(RuleError, match="is a root"):
        check_keyset(Keyset.parse(by_hand.encode()), None)
