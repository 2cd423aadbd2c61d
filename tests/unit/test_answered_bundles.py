"""Receipts in a bundle: what a vendor shows a court years later, and what nobody can pass off as that."""

import itertools
import re
import subprocess
import zipfile
from io import BytesIO
from pathlib import Path

import msgspec
import pytest

from priorconsent import canonical, cli, query, receipts, times
from priorconsent.court import bundle, receipt_file
from priorconsent.court.adding import Showing, add_receipt
from priorconsent.court.verify import verify
from priorconsent.errors import (
    ConflictError,
    FraudError,
    MalformedError,
    NotFoundError,
    NotTrustedError,
    UnreachableError,
)
from tests import answering
from tests import scenario as cast
from tests.answering import (
    ANCHORED,
    ISSUED,
    anchor,
    asked_and_withdrawn,
    at_hand,
    bundled,
    granted,
    leaves_of,
    put,
    question,
    receipt_of,
    reply_of,
    rotated,
    shown,
    sign,
)
from tests.court_world import World, honest, repack

TRUST = cast.trust()
STORED = Path(__file__).parents[1] / "vectors" / "bundles" / "answered.zip"
ZEROS = "sha256:" + "0" * 64


def step(raw, code="receipts"):
    return next(one for one in verify(raw, TRUST).steps if one.code == code)


def at(url):
    """The vendor's question about a place."""
    told = {name: said for name, said in cast.QUESTION.items() if name != "sha256"}
    return query.parse({**told, "url": url, "at": ISSUED}, now=ISSUED)


def at_work():
    """The vendor's question about the work itself."""
    told = {name: said for name, said in cast.QUESTION.items() if name != "sha256"}
    return query.parse({**told, "work": cast.FILM, "at": ISSUED}, now=ISSUED)


def world_with(*questions, time=ANCHORED, **changes):
    """A world with one receipt from the checkpoint of the grant; ``changes`` are to its payload."""
    world, size = granted()
    leaves = leaves_of(world, size, *questions)
    raw = sign(receipt_of(world, size, leaves, **changes))
    anchor(world, time, raw)
    world.seal(max(time, ANCHORED))
    return world, size, leaves, raw


# What holds


def test_a_bundle_shows_what_the_registry_had_answered_and_when():
    _, raw = asked_and_withdrawn()
    report = verify(raw, TRUST)
    assert (report.outcome, report.permitted) == ("valid", False)
    [told] = report.receipts
    [answer] = told.answers
    assert answer.permitted
    assert (told.receipt.issued_at, told.receipt.audience, told.anchored_at) == (ISSUED, cast.VENDOR, ANCHORED)
    assert report.to_json()["receipts"][0]["anchor"] == {"pos": 20, "time": ANCHORED}
    for text in (report.to_html().decode(), " ".join(told.lines), bundle.read(raw)["certificate.html"].decode()):
        for said in (ISSUED, cast.VENDOR, cast.FILM_FILE, "train.generative.pretrain", told.receipt.fresh_until):
            assert said in text


def test_what_is_not_shown_of_a_receipt_is_assumed_and_said():
    _, raw = asked_and_withdrawn()
    told = " ".join(verify(raw, TRUST).assumptions)
    assert "nonce" in told
    assert "What tied the file or address" in told
    assert "nonce" not in " ".join(verify(honest().bundle(20, 22, 18), TRUST).assumptions)


def test_the_other_questions_of_a_receipt_stay_with_who_asked():
    secret = [question(sha256=canonical.digest(bytes([number]))) for number in range(20)]
    world, size, leaves, raw = world_with(*secret[:11], question(), *secret[11:])
    made = bundled(world, size, (raw, tuple(leaves)))
    assert [leaf.i for leaf in verify(made, TRUST).receipts[0].answers] == [11]
    assert not any(one.key.removeprefix("sha256:").encode() in made for one in secret)


def test_without_receipts_the_step_says_so():
    assert (step(honest().bundle(20, 22, 18)).ok, step(honest().bundle(20, 22, 18)).detail) == (
        True,
        "none in the bundle",
    )


def test_bundles_with_receipts_made_before_stay_valid_to_the_letter():
    """As for those without: the papers are part of the format."""
    stored = STORED.read_bytes()
    assert verify(stored, TRUST).outcome == "valid"
    assert stored == asked_and_withdrawn()[1]


def test_a_place_that_the_grant_names_is_shown_as_well():
    world, size, leaves, raw = world_with(at("https://studio.example/film/reel-1.mp4"))
    assert leaves[0].binding == "location"
    assert step(bundled(world, size, (raw, tuple(leaves)))).detail == "1 receipt, 1 answer"


def test_several_receipts_lie_side_by_side_in_order_of_time():
    world, size = granted()
    replies = []
    for second in range(receipt_file.MAX_RECEIPTS + 1):
        at = times.plus(ISSUED, second)
        leaves = leaves_of(world, size)
        replies.append((sign(receipt_of(world, size, leaves, issued_at=at, id=cast.salt(at))), tuple(leaves)))
    anchor(world, ANCHORED, *(raw for raw, _ in replies))
    world.seal(ANCHORED)
    made = bundled(world, size, *reversed(replies[:-1]))
    assert [one.digest for one in verify(made, TRUST).receipts] == [canonical.digest(raw) for raw, _ in replies[:-1]]
    with pytest.raises(MalformedError, match="takes no more"):
        add_receipt(made, replies[-1], at_hand(world), TRUST)
    [last] = bundle.read(bundled(world, size, replies[-1])).receipts.items()
    assert step(repack(made, dict([last])), "archive").detail == "9 receipts, at most 8 are read"


def test_a_receipt_lies_under_its_digest_and_under_no_other_name():
    _, raw = asked_and_withdrawn()
    [(name, content)] = bundle.read(raw).receipts.items()
    for moved in ({name: None, f"receipts/{'a' * 64}.json": content}, {name: content + b" "}, {name: b"{}"}):
        assert "does not have the digest in its name" in step(repack(raw, moved, renew=False), "archive").detail


@pytest.mark.parametrize("dropped", [False, True])
def test_a_receipt_outlives_the_key_that_signed_it(dropped):
    world, size, leaves, raw = world_with()
    before = world.bundle(size, len(world.made.events), size - 2)
    rotated(world, times.plus(ANCHORED, 600), dropped=dropped)
    _, report = add_receipt(before, (raw, tuple(leaves)), at_hand(world), TRUST)
    assert (report.outcome, report.receipts[0].keyset) == ("valid", 1)
    assert not any(line.startswith("That keyset") for line in report.assumptions)
    made = bundled(world, size, (raw, tuple(leaves)))
    report = verify(made, TRUST)
    assert (report.outcome, report.receipts[0].keyset) == ("valid", 1)
    assert any(line.startswith(f"That keyset 1 was in force at {ISSUED}") for line in report.assumptions)


def test_openssl_verifies_a_receipt_by_the_commands_in_the_bundle(tmp_path):
    with zipfile.ZipFile(BytesIO(asked_and_withdrawn()[1])) as archive:
        archive.extractall(tmp_path)
    lines = (tmp_path / "README.txt").read_text(encoding="utf-8").split("\n")
    told = itertools.dropwhile(lambda line: not line.startswith("    sed "), lines)
    script = "set -eu\n" + re.sub(r"^    ", "", "\n".join(told), flags=re.MULTILINE)
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "Signature Verified Successfully\n"), done.stderr


# What is not added


def refused(error, match, world, raw, leaves, made=None):
    made = made or world.bundle(20, len(world.made.events), 18)
    with pytest.raises(error, match=match):
        add_receipt(made, (raw, tuple(leaves)), at_hand(world), TRUST)


def test_a_reply_that_says_nothing_of_the_grant_is_not_added():
    world, _, leaves, raw = world_with(question(use="search"), question(sha256="0" * 64))
    refused(NotFoundError, "no answer of this reply rests on", world, raw, leaves)


def test_a_receipt_that_the_log_has_not_committed_to_is_not_added():
    world, size = granted()
    leaves = leaves_of(world, size)
    raw = sign(receipt_of(world, size, leaves))
    refused(UnreachableError, "within two hours: try then", world, raw, leaves)
    anchor(world, ANCHORED, b"another")
    world.seal(times.plus(ISSUED, 7201))
    refused(NotTrustedError, "receipt_unlogged", world, raw, leaves)


def test_a_bundle_of_before_the_anchor_is_too_old():
    world, size, leaves, raw = world_with()
    refused(UnreachableError, "fetch a newer bundle first", world, raw, leaves, world.bundle(size, size))


def test_a_receipt_is_added_once():
    world, made = asked_and_withdrawn()
    refused(ConflictError, "has this receipt", world, *reply_of(world), made)


def test_a_forged_receipt_is_not_added():
    world, size = granted()
    leaves = leaves_of(world, size)
    raw = sign(receipt_of(world, size, leaves), cast.GRANT_KEY)
    anchor(world, ANCHORED, raw)
    world.seal(ANCHORED)
    refused(NotTrustedError, "A receipt key of the registry signed it", world, raw, leaves)


def test_nothing_is_added_to_a_bundle_that_does_not_verify():
    world, _, leaves, raw = world_with()
    made = repack(world.bundle(20, 22, 18), {"grant/offer.json": b"{}"})
    refused(NotTrustedError, "does not verify; .*grant/offer.json", world, raw, leaves, made)


def test_nothing_is_added_to_the_bundle_of_another_history():
    world, _, leaves, raw = world_with()
    refused(FraudError, "two histories", world, raw, leaves, honest().bundle(20, 22, 18))


def test_a_receipt_from_a_fork_is_not_added_and_both_sides_are_the_proof():
    world, _, leaves, raw = world_with(checkpoint={"origin": cast.ORIGIN, "size": 20, "root": ZEROS})
    refused(NotTrustedError, "two histories of 20 events", world, raw, leaves)


# A registry that signs anything, and a bundle put together by hand


def assert_no_use(world, size, one, match):
    report = verify(put(world.bundle(size, len(world.made.events), size - 2), one), TRUST)
    assert (report.outcome, report.receipts) == ("invalid", ())
    assert [each.code for each in report.steps if each.reached and not each.ok] == ["receipts"]
    assert re.search(match, step(put(world.bundle(size, len(world.made.events), size - 2), one)).detail)


LATE = times.plus(ISSUED, 7201)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"registry": ZEROS}, "of registry"),
        ({"checkpoint": {"origin": cast.ORIGIN, "size": 20, "root": ZEROS}}, "two histories of 20 events"),
        ({"checkpoint": {"origin": cast.ORIGIN, "size": 18, "root": ZEROS}}, "consistency proof"),
        ({"checkpoint": {"origin": "elsewhere.example/1", "size": 20, "root": ZEROS}}, "not the one trusted"),
        ({"fresh_until": times.plus(ISSUED, 301)}, "calls itself fresh"),
        ({"issued_at": times.plus(ISSUED, -1)}, "still to come"),
        ({"answers": {"n": 1, "root": ZEROS}}, "inclusion proof"),
        ({"answers": {"n": 0, "root": ZEROS}}, "no leaf 0"),
    ],
    ids=["registry", "fork", "fork of another size", "another log", "freshness", "future", "another tree", "no tree"],
)
def test_what_a_receipt_may_not_say_is_found_in_a_bundle_too(changes, match):
    world, size, leaves, raw = world_with(**changes)
    assert_no_use(world, size, shown(world, raw, leaves), match)


def lie(**changes):
    """The yes of the world, told otherwise."""

    def tell(leaf):
        return msgspec.structs.replace(leaf, **changes)

    return tell


RELIED = receipts.GrantRelied(digest=ZEROS, id=cast.GRANT)


@pytest.mark.parametrize(
    ("tell", "match"),
    [
        (lie(query=question(use="search")), "the proved states say use_not_granted"),
        (lie(query=question(vendor=cast.STRANGER)), "say other_licensee"),
        (lie(query=question(acquired_at=cast.BATCH_A)), "say copy_predates_grant"),
        (lie(grants=(RELIED,)), "does not rest on this grant"),
        (lie(works=(cast.MANGA,)), "does not rest on this grant"),
        (lie(until="2029-01-01T00:00:00Z"), "the grant ends at 2028-01-01"),
        (lie(binding="location"), "the grant has no location for sha256"),
        (lie(query=at_work(), binding="named"), "the grant has no named for work"),
        (lie(query=at("https://studio.example/other/reel-1.mp4"), binding="location"), "place"),
        (lie(verdict="not_permitted", reason="no_grant", grants=(), binding=None, until=None), "does not rest on"),
    ],
    ids=[
        "use",
        "vendor",
        "copy",
        "another token",
        "another work",
        "until",
        "other binding",
        "binding not granted",
        "place",
        "no",
    ],
)
def test_a_false_answer_is_no_evidence_though_the_registry_signed_and_anchored_it(tell, match):
    world, size = granted()
    [yes] = leaves_of(world, size)
    leaf = tell(yes)
    raw = sign(receipt_of(world, size, [leaf]))
    anchor(world, ANCHORED, raw)
    world.seal(ANCHORED)
    assert_no_use(world, size, shown(world, raw, [leaf]), match)


def test_what_changed_after_the_question_leaves_a_receipt_to_an_earlier_bundle():
    world, size, leaves, raw = world_with()
    then = bundled(world, size, (raw, tuple(leaves)))
    document = msgspec.structs.replace(cast.SHARE_SETS[cast.FILM], version=2, salt=cast.salt("film-set-2"))
    document = msgspec.structs.replace(document, previous=cast.SHARE_SETS[cast.FILM].digest)
    world.append(_share_set(document), ANCHORED)
    before = world.ledger.state(f"work:{cast.FILM}")
    world.ledger.put(f"work:{cast.FILM}", msgspec.structs.replace(before, since=ANCHORED))
    world.seal(ANCHORED)
    assert verify(then, TRUST).outcome == "valid"
    assert_no_use(world, size, shown(world, raw, leaves), "changed_since")


def _share_set(document):
    told = {name: said for name, said in document.to_json().items() if name in {"work", "version", "previous", "links"}}
    holders = [{"right": "copyright", "party": cast.STUDIO, "level": "E3"}]
    rest = {"t": "share-set", "digest": document.digest, "holders": holders, "complete": True, "statements": []}
    return {**told, **rest}


@pytest.mark.parametrize(
    ("key", "kid"),
    [(cast.GRANT_KEY, answering.KID), (cast.GRANT_KEY, cast.GRANT_KEY.jwk.thumbprint)],
    ids=["forged", "grant key"],
)
def test_only_a_receipt_key_signs_a_receipt_in_a_bundle(key, kid):
    world, size = granted()
    leaves = leaves_of(world, size)
    raw = sign(receipt_of(world, size, leaves), key, kid)
    anchor(world, ANCHORED, raw)
    world.seal(ANCHORED)
    assert_no_use(world, size, shown(world, raw, leaves), "signature does not verify|is no receipt key")


@pytest.mark.parametrize("dropped", [False, True])
def test_a_key_signs_no_receipt_after_its_end_and_none_before_its_time(dropped):
    new, later = cast.key("receipt-2"), times.plus(ISSUED, 600)
    world, size = granted()
    leaves = leaves_of(world, size)
    old_key_late = sign(receipt_of(world, size, leaves, issued_at=times.plus(later, 1)))
    new_key = sign(receipt_of(world, size, leaves, issued_at=times.plus(later, 1)), new, new.jwk.thumbprint)
    backdated = sign(receipt_of(world, size, leaves), new, new.jwk.thumbprint)
    rotated(world, later, dropped=dropped)
    anchor(world, ANCHORED, old_key_late, new_key, backdated)
    world.seal(ANCHORED)
    for raw in (old_key_late, backdated):
        assert_no_use(world, size, shown(world, raw, leaves), "is no receipt key of this registry at")
    assert verify(bundled(world, size, (new_key, tuple(leaves))), TRUST).receipts[0].keyset == 2

    # The thief shows another keyset than the one in force.
    first, second = shown(world, backdated, leaves), shown(world, old_key_late, leaves)
    late = msgspec.structs.replace(second, keyset=first.keyset, next_keyset=first.next_keyset)
    assert_no_use(world, size, late, "keyset 1 had been replaced at")
    unended = msgspec.structs.replace(second, keyset=first.keyset, next_keyset=None)
    assert_no_use(world, size, unended, "when keyset 1 was replaced is not shown")
    early = msgspec.structs.replace(first, keyset=second.keyset, next_keyset=None)
    assert_no_use(world, size, early, "keyset 2 came into force only at")


def test_a_keyset_that_is_logged_twice_came_in_the_first_time():
    later = times.plus(ISSUED, 600)
    world, size = granted()
    leaves = leaves_of(world, size)
    raw = sign(receipt_of(world, size, leaves, issued_at=times.plus(later, 1)))
    rotated(world, later, dropped=True)
    anchor(world, ANCHORED, raw)
    [again] = [event for event in world.made.events if b'"t":"keyset"' in event and b'"version":2' in event]
    world.append({**canonical.parse(again)}, times.plus(ANCHORED, 60))
    world.seal(times.plus(ANCHORED, 60))
    one = shown(world, raw, leaves)
    log = at_hand(world)
    nodes = Showing(log, log.size)
    last = max(pos for pos, event in log.events.items() if getattr(event, "version", None) == 2)
    first = next(pos for pos, event in sorted(log.events.items()) if getattr(event, "version", None) == 1)
    late = msgspec.structs.replace(one, keyset=nodes.entry(first), next_keyset=nodes.entry(last))
    assert_no_use(world, size, late, "keyset 2 came in by entry")


@pytest.mark.parametrize(
    ("time", "match"),
    [(LATE, "anchored it only at"), (times.plus(ISSUED, -1), "no anchor of")],
    ids=["too late", "before"],
)
def test_an_anchor_of_another_time_shows_nothing(time, match):
    world, size, leaves, raw = world_with(time=time)
    assert_no_use(world, size, shown(world, raw, leaves), match)


def test_the_anchor_of_another_receipt_shows_nothing():
    world, size, leaves, raw = world_with()
    honest_one = shown(world, raw, leaves)
    [pos] = [pos for pos, event in enumerate(world.made.events) if b'"t":"anchor"' in event]
    anchor(world, ANCHORED, b"another")
    world.seal(ANCHORED)
    own = shown(world, raw, leaves, pos)
    assert own.listed == honest_one.listed
    log = at_hand(world)
    other = Showing(log, log.size).entry(pos + 2)
    assert_no_use(world, size, msgspec.structs.replace(own, anchor=other), "leads to another root")


def test_entries_of_another_kind_or_place_show_nothing():
    world, size, leaves, raw = world_with()
    world.made.blobs[ZEROS] = b"{}"
    world.append({"t": "keyset", "version": 1, "digest": ZEROS}, ANCHORED)
    world.seal(ANCHORED)
    one = shown(world, raw, leaves)
    log = at_hand(world)
    nodes = Showing(log, log.size)
    earlier, other_keyset = nodes.entry(17), nodes.entry(log.size - 2)
    for swapped, match in (
        ({"map_root": earlier}, "is not shown to be a map-root"),
        ({"keyset": other_keyset}, "brings in another keyset 1"),
        ({"anchor": one.map_root}, "no anchor of"),
        ({"map_root": one.anchor}, "is not shown to be a map-root"),
        ({"keyset": one.anchor}, "brings in no keyset"),
        ({"next_keyset": one.keyset}, "does not follow"),
        ({"map_root": msgspec.structs.replace(one.map_root, pos=18)}, "inclusion proof"),
        ({"consistency": one.consistency[1:]}, "consistency proof"),
    ):
        assert_no_use(world, size, msgspec.structs.replace(one, **swapped), match)


def test_a_receipt_from_a_checkpoint_of_before_the_grant_is_no_evidence_for_it():
    world = World().begin()
    early = world.seal(times.plus(cast.BATCH_B, -60))
    world.log(world.sign_grant(), cast.BATCH_B)
    size = world.seal(cast.BATCH_B)
    leaves = leaves_of(world, size)
    raw = sign(receipt_of(world, early, leaves))
    anchor(world, ANCHORED, raw)
    world.seal(ANCHORED)
    assert_no_use(world, size, shown(world, raw, leaves), "its checkpoint is of before the grant")


@pytest.mark.parametrize(("second", "shows"), [(10, False), (30, True)])
def test_a_copy_from_before_the_first_checkpoint_needs_more_than_the_word_of_the_registry(second, shows):
    world = World().begin()
    world.log(world.sign_grant(), cast.BATCH_B)
    size = world.seal(times.plus(cast.BATCH_B, 30))
    leaves = leaves_of(world, size, question(acquired_at=times.plus(cast.BATCH_B, second)))
    raw = sign(receipt_of(world, size, leaves))
    anchor(world, ANCHORED, raw)
    world.seal(ANCHORED)
    if shows:
        assert step(bundled(world, size, (raw, tuple(leaves)))).ok
    else:
        assert_no_use(world, size, shown(world, raw, leaves), "is shown only from")


def test_an_anchor_that_the_log_dates_ahead_of_its_checkpoint_is_fraud():
    world, size = granted()
    leaves = leaves_of(world, size)
    raw = sign(receipt_of(world, size, leaves))
    anchor(world, ANCHORED, raw)
    world.seal(times.plus(ANCHORED, -60))
    assert_no_use(world, size, shown(world, raw, leaves), "is later than its checkpoint")


# The command


@pytest.fixture
def files(tmp_path):
    world, size, leaves, raw = world_with(question(), question(use="search"))
    (tmp_path / "public").mkdir()
    world.publish(tmp_path / "public")
    (tmp_path / "trust.json").write_bytes(TRUST.encode())
    (tmp_path / "evidence.zip").write_bytes(world.bundle(size, len(world.made.events), size - 2))
    (tmp_path / "receipt.jws").write_bytes(raw + b"\n")
    (tmp_path / "answers.json").write_bytes(canonical.encode(leaves))
    return tmp_path


def add(files, out="new.zip", bundle_name="evidence.zip"):
    words = ["receipt", "add", "receipt.jws", "--answers", "answers.json", "--bundle", bundle_name, "--log", "public"]
    named = {"receipt.jws", "answers.json", bundle_name, "public"}
    told = [str(files / word) if word in named else word for word in words]
    return cli.main([*told, "--trust", str(files / "trust.json"), "--out", str(files / out)])


def test_the_command_adds_and_verify_tells(files, capsys):
    assert add(files) == 0
    assert capsys.readouterr().out.startswith(f"added: {files / 'new.zip'} shows 1 receipt; this one:\n  Answered at ")
    code = cli.main(["verify", str(files / "new.zip"), "--trust", str(files / "trust.json")])
    out = capsys.readouterr().out
    assert code == 0
    assert "13 ok     receipts    Every receipt holds: 1 receipt, 1 answer\n" in out
    assert f"\nAnswered at {ISSUED} to an asker not named, fresh until " in out
    assert "\n  permitted: granted until 2028-01-01T00:00:00Z for sha256:" in out


def test_the_command_overwrites_nothing_and_leaves_nothing_behind(files, capsys):
    before = (files / "evidence.zip").read_bytes()
    assert add(files, out="evidence.zip") == 2
    assert "exists and is not overwritten" in capsys.readouterr().err
    assert (files / "evidence.zip").read_bytes() == before
    (files / "evidence.zip").write_bytes(before[:-1])
    there = sorted(files.iterdir())
    assert add(files) == 2
    assert sorted(files.iterdir()) == there
