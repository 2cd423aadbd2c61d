"""Receipts and acknowledgements before a court: what counts, what does not, and what proves that somebody lied."""

import functools
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from priorconsent import acknowledgements, canonical, keys, query, receipts, times
from priorconsent.court.acknowledged import UNLOGGED, Outcome, check_acknowledgement, wanted
from priorconsent.court.log_at_hand import read_log
from priorconsent.court.published import Folder
from priorconsent.court.receipted import Shown, check_receipt
from priorconsent.court.reply import read_answers
from priorconsent.court.report import Exit
from priorconsent.errors import MalformedError, NotTrustedError, ProofError, SignatureError, UnreachableError
from priorconsent.events import KeysetChange
from tests import scenario as cast
from tests.answering import (
    ANCHORED,
    ISSUED,
    KID,
    LATER,
    NONCE,
    REQUEST,
    anchor,
    granted,
    leaves_of,
    question,
    receipt_of,
    rotated,
    sign,
)
from tests.court_world import World

TRUST = cast.trust()


class Map:
    """The map of a checkpoint of the world."""

    def __init__(self, world, size):
        self.state = world.maps[size].get
        self.head = read_log(published(world, size), TRUST).head


def published(world, size):
    """The public files as they were at a size."""
    earlier = World()
    earlier.made.events = world.made.events[:size]
    earlier.made.blobs, earlier.made.evidence = world.made.blobs, world.made.evidence
    earlier.maps = world.maps
    return Folder(earlier.publish(FOLDERS.pop()))


# Of this test alone.
FOLDERS: list[Path] = []


@pytest.fixture(autouse=True)
def folders(tmp_path):
    FOLDERS[:] = [tmp_path / str(number) for number in range(8)]
    for folder in FOLDERS:
        folder.mkdir()


@functools.cache
def story():
    """A world in which a receipt was given from the checkpoint of the grant, and anchored an hour later."""
    world, size = granted()
    leaves = leaves_of(world, size, question(), question(use="search"))
    raw = sign(receipt_of(world, size, leaves))
    anchor(world, ANCHORED, raw)
    world.seal(ANCHORED)
    return world, size, tuple(leaves), raw


def check(world, raw, leaves, at=None, *, trust=TRUST, upto=None, **shown):
    log = read_log(published(world, upto or len(world.made.events)), trust)
    return check_receipt(raw, leaves, trust, Shown(log=log, **shown), at)


def failed(report):
    return [step.code for step in report.steps if step.reached and not step.ok]


def test_an_honest_receipt_is_valid_by_all_that_can_be_shown():
    world, size, leaves, raw = story()
    report = check(world, raw, leaves, request=REQUEST, nonce=NONCE, found=Map(world, size), at=ISSUED)

    assert (report.outcome, report.code, failed(report)) == ("valid", "", [])
    assert [step.code for step in report.steps] == [
        "answers",
        "request",
        "signature",
        "checkpoint",
        "anchor",
        "map",
        "fresh",
    ]
    assert len(report.assumptions) == 1
    # One of its answers is a no.
    assert (report.permitted, report.exit_code) == (False, Exit.NOT_PERMITTED)
    assert report.to_json()["digest"] == canonical.digest(raw)


def a_yes(**changes):
    """Another world, with a receipt for one yes; ``changes`` are to its payload."""
    world, size = granted()
    leaves = leaves_of(world, size)
    return world, size, leaves, sign(receipt_of(world, size, leaves, **changes))


def anchored(time=ANCHORED, upto=ANCHORED, **changes):
    world, size, leaves, raw = a_yes(**changes)
    anchor(world, time, raw)
    world.seal(upto)
    return world, size, leaves, raw


def test_a_fresh_yes_is_exit_0_and_a_stale_one_is_not():
    world, _, leaves, raw = anchored()
    assert check(world, raw, leaves).exit_code == Exit.PERMITTED
    for at, fresh in ((ISSUED, True), (times.plus(ISSUED, 299), True), (times.plus(ISSUED, 300), False)):
        report = check(world, raw, leaves, at)
        assert (report.outcome, report.fresh, report.permitted) == ("valid", fresh, fresh)
    assert check(world, raw, leaves, times.plus(ISSUED, -1)).exit_code == Exit.NOT_PERMITTED


def test_what_is_not_shown_is_assumed_and_said():
    world, _, leaves, raw = anchored()
    told = " ".join(check(world, raw, leaves).assumptions)
    for word in ("What was sent", "nonce", "No map", "Not said", "quorum none"):
        assert word in told


# A receipt for something else


@pytest.mark.parametrize(
    ("shown", "code"),
    [({"request": REQUEST + b" "}, "request"), ({"nonce": cast.salt("another")}, "request")],
    ids=["another request", "another nonce"],
)
def test_a_receipt_of_another_request_or_time_does_not_answer_this_one(shown, code):
    world, _, leaves, raw = anchored()
    report = check(world, raw, leaves, **shown)
    assert (report.exit_code, failed(report)) == (Exit.INVALID, [code])


def test_a_receipt_without_a_nonce_answers_no_nonce():
    world, _, leaves, raw = anchored(nonce=None)
    assert failed(check(world, raw, leaves, nonce=NONCE)) == ["request"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda leaves: [msgspec.structs.replace(leaves[0], query=question(territory="US")), leaves[1]],
        lambda leaves: [leaves[0]],
        lambda leaves: [*leaves, msgspec.structs.replace(leaves[0], i=2)],
        lambda leaves: [msgspec.structs.replace(leaves[1], i=0), msgspec.structs.replace(leaves[0], i=1)],
        lambda leaves: [msgspec.structs.replace(leaves[0], until="2029-01-01T00:00:00Z"), leaves[1]],
        lambda _: [],
    ],
)
def test_answers_other_than_those_signed_do_not_count(spoil):
    world, _, leaves, raw = story()
    report = check(world, raw, spoil(list(leaves)))
    assert report.exit_code == Exit.INVALID
    assert "answers" in failed(report)


def test_no_byte_of_a_receipt_or_of_its_answers_can_be_changed():
    world, _, leaves, raw = anchored()
    log = read_log(published(world, len(world.made.events)), TRUST)
    spelled = canonical.encode(leaves)
    chance = random.Random(1)

    def counts(receipt, answers):
        try:
            return check_receipt(receipt, read_answers(answers), TRUST, Shown(log=log)).outcome == "valid"
        except MalformedError:
            return False

    assert counts(raw, spelled)
    for good, told in ((raw, lambda bad: (bad, spelled)), (spelled, lambda bad: (raw, bad))):
        for _ in range(250):
            at = chance.randrange(len(good))
            bad = good[:at] + bytes([good[at] ^ (1 << chance.randrange(8))]) + good[at + 1 :]
            assert not counts(*told(bad)), (at, bad[at : at + 1])


# A registry that signs anything


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"registry": "sha256:" + "0" * 64}, "answers"),
        ({"fresh_until": times.plus(ISSUED, 301)}, "answers"),
        ({"issued_at": times.plus(ISSUED, -1)}, "answers"),
        ({"answers": {"n": 1, "root": "sha256:" + "0" * 64}}, "answers"),
        ({"checkpoint": {"origin": cast.ORIGIN, "size": 20, "root": "sha256:" + "0" * 64}}, "checkpoint"),
    ],
    ids=["registry", "freshness", "answers the future", "root", "fork"],
)
def test_what_a_receipt_may_not_say_is_found_even_if_the_registry_signed_it(changes, code):
    world, _, leaves, raw = anchored(**changes)
    report = check(world, raw, leaves)
    assert (report.exit_code, failed(report)[0]) == (Exit.INVALID, code)


def test_a_receipt_from_another_log_of_the_registry_is_invalid():
    world, size, leaves, raw = a_yes()
    mark = msgspec.structs.replace(receipts.SignedReceipt(raw).receipt.checkpoint, origin="elsewhere.example/1")
    other = sign(receipt_of(world, size, leaves, checkpoint=mark.to_json()))
    anchor(world, ANCHORED, raw, other)
    world.seal(ANCHORED)
    assert (failed(check(world, raw, leaves)), failed(check(world, other, leaves))) == ([], ["checkpoint"])


def test_another_history_is_evidence_of_both():
    world, _, leaves, raw = anchored(checkpoint={"origin": cast.ORIGIN, "size": 20, "root": "sha256:" + "0" * 64})
    assert check(world, raw, leaves).evidence[0] == raw


def test_a_receipt_from_a_checkpoint_that_was_never_published_is_invalid():
    world, size, leaves, _ = a_yes()
    raw = sign(receipt_of(world, size - 1, leaves))
    anchor(world, ANCHORED, raw)
    world.seal(ANCHORED)
    report = check(world, raw, leaves)
    assert (report.exit_code, failed(report)) == (Exit.INVALID, ["checkpoint"])
    assert "was never published" in report.steps[2].detail


@pytest.mark.parametrize("seconds", [-61, 86400 + 120])
def test_a_receipt_older_than_its_map_or_from_a_stale_one_is_invalid(seconds):
    issued_at = times.plus(ISSUED, seconds)
    world, size = granted()
    leaves = leaves_of(world, size, query.parse({**cast.QUESTION, "at": cast.BATCH_A}, now=ISSUED))
    raw = sign(receipt_of(world, size, leaves, issued_at=issued_at))
    anchor(world, max(issued_at, ANCHORED), raw)
    world.seal(max(issued_at, ANCHORED))
    assert failed(check(world, raw, leaves))[:1] == ["checkpoint"]


def test_a_checkpoint_newer_than_the_log_at_hand_cannot_be_checked():
    world, size, leaves, raw = anchored()
    report = check(world, raw, leaves, upto=18)
    assert size > 18
    assert (report.exit_code, failed(report)) == (Exit.COULD_NOT_CHECK, ["checkpoint"])


@pytest.mark.parametrize(
    ("key", "kid"),
    [
        (cast.GRANT_KEY, KID),
        (cast.GRANT_KEY, cast.GRANT_KEY.jwk.thumbprint),
        (cast.LOG_KEY, cast.LOG_KEY.jwk.thumbprint),
    ],
    ids=["forged", "grant key", "log key"],
)
def test_only_a_receipt_key_signs_receipts(key, kid):
    world, size, leaves, _ = a_yes()
    raw = sign(receipt_of(world, size, leaves), key, kid)
    anchor(world, ANCHORED, raw)
    world.seal(ANCHORED)
    assert failed(check(world, raw, leaves))[0] == "signature"


@pytest.mark.parametrize("dropped", [False, True])
def test_a_receipt_is_judged_by_the_keys_of_its_time(dropped):
    new, later = cast.key("receipt-2"), times.plus(ISSUED, 600)
    world, size, leaves, before = a_yes()
    old_key_late = sign(receipt_of(world, size, leaves, issued_at=times.plus(later, 1)))
    new_key = sign(receipt_of(world, size, leaves, issued_at=times.plus(later, 1)), new, new.jwk.thumbprint)
    backdated = sign(receipt_of(world, size, leaves), new, new.jwk.thumbprint)
    rotated(world, later, dropped=dropped)
    anchor(world, ANCHORED, before, old_key_late, new_key, backdated)
    world.seal(ANCHORED)

    for raw, expected in ((before, []), (new_key, []), (old_key_late, ["signature"]), (backdated, ["signature"])):
        report = check(world, raw, leaves)
        assert [code for code in failed(report) if code == "signature"] == expected


@pytest.mark.parametrize("how", ["another signature", "the keyset before it", "no keyset", "nothing"])
def test_a_copy_that_hides_a_keyset_brings_no_ended_key_back(how):
    """Who holds a stolen receipt key, and serves a copy of the log, would make a fresh yes of it."""
    later = times.plus(ISSUED, 600)
    world, size, leaves, _ = a_yes()
    forged = sign(receipt_of(world, size, leaves, issued_at=times.plus(later, 1)))
    rotated(world, later)
    place = published(world, len(world.made.events))
    assert failed(check_receipt(forged, leaves, TRUST, Shown(log=read_log(place, TRUST)))) == ["signature"]

    event = next(one for one in world.ledger.events if isinstance(one, KeysetChange) and one.version == 2)
    keyset = keys.payload_of(world.made.blobs[event.digest])
    copies = {
        "another signature": keys.sign_keyset(keyset, [cast.key("stranger")]),
        "the keyset before it": world.made.blobs[cast.REGISTRY],
        "no keyset": b"{}",
    }
    copy = place._folder / "blob" / event.digest.replace(":", "/")
    copy.write_bytes(copies[how]) if how in copies else copy.unlink()
    log = read_log(place, TRUST)
    report = check_receipt(forged, leaves, TRUST, Shown(log=log))
    assert (report.exit_code, failed(report)) == (Exit.COULD_NOT_CHECK, ["signature"])
    # What was signed before is told as ever.
    log.receipt_key(KID, ISSUED)


# Anchors


def test_a_receipt_that_the_log_does_not_know_after_two_hours_is_unlogged():
    world, _, leaves, raw = a_yes()
    anchor(world, ANCHORED, b"another")
    world.seal(times.plus(ISSUED, 7200))
    report = check(world, raw, leaves)
    assert (report.outcome, report.exit_code, report.code) == ("valid", Exit.PERMITTED, "")
    assert any("check again" in one for one in report.assumptions)
    assert [step.detail for step in report.steps if step.code == "anchor"] == ["not yet, nor is it due"]
    world.seal(times.plus(ISSUED, 7201))
    report = check(world, raw, leaves)
    assert (report.exit_code, report.code, failed(report)) == (Exit.INVALID, "receipt_unlogged", ["anchor"])


def test_an_anchor_that_came_too_late_shows_nothing_of_when_it_was_issued():
    world, _, leaves, raw = anchored(time=times.plus(ISSUED, 7201), upto=LATER)
    assert (check(world, raw, leaves).exit_code, failed(check(world, raw, leaves))) == (
        Exit.COULD_NOT_CHECK,
        ["anchor"],
    )


def test_a_list_that_is_withheld_cannot_be_checked_and_one_that_is_changed_is_invalid():
    world, _, leaves, raw = anchored()
    [digest] = [one for one in world.made.blobs if receipts.list_digest(world.made.blobs[one]) == one]
    place = published(world, len(world.made.events))
    path = place._folder / "blob" / digest.replace(":", "/")
    log = read_log(place, TRUST)
    path.write_bytes(receipts.write_list([canonical.digest(raw)]))
    assert check_receipt(raw, leaves, TRUST, Shown(log=log)).exit_code == Exit.INVALID
    path.unlink()
    assert check_receipt(raw, leaves, TRUST, Shown(log=log)).exit_code == Exit.COULD_NOT_CHECK


def test_without_the_log_nobody_can_tell():
    _, _, leaves, raw = anchored()
    report = check_receipt(raw, leaves, TRUST, Shown())
    assert (report.exit_code, [step.reached for step in report.steps]) == (
        Exit.COULD_NOT_CHECK,
        [True, False, False, False, True],
    )


# The map has the last word


def test_an_answer_that_its_own_map_does_not_give_is_proof_against_the_registry():
    world, size = granted()
    [no] = leaves_of(world, size, question(use="search"))
    [yes] = leaves_of(world, size)
    lie = msgspec.structs.replace(yes, query=no.query)
    raw = sign(receipt_of(world, size, [lie]))
    anchor(world, ANCHORED, raw)
    world.seal(ANCHORED)
    found = Map(world, size)

    assert check(world, raw, [lie]).exit_code == Exit.PERMITTED
    report = check(world, raw, [lie], found=found)
    assert (report.exit_code, report.code, report.evidence) == (
        Exit.INVALID,
        "receipt_contradicted",
        (raw, found.head.note),
    )


def test_a_later_map_that_shows_the_end_upholds_what_was_permitted_before():
    world, size, leaves, raw = a_yes()
    withdrawal = {"t": "withdraw", "grant": cast.GRANT, "parties": [cast.STUDIO], "ends_at": ANCHORED}
    signed = ("withdrawal", cast.STUDIO, canonical.digest(world.made.token))
    world.log({**withdrawal, "_signed": signed}, ANCHORED)
    anchor(world, ANCHORED, raw)
    later = world.seal(ANCHORED)
    # The question was about the time before, and what is withdrawn since was in force then.
    for found in (Map(world, size), Map(world, later)):
        report = check(world, raw, leaves, found=found)
        assert (report.exit_code, report.upheld) == (Exit.PERMITTED, True)


def test_a_later_map_that_changed_since_upholds_no_yes():
    world, _, leaves, raw = a_yes()
    name = {"t": "alias", "name": f"sha256:{cast.FILM_FILE}", "work": cast.FILM, "party": cast.STUDIO, "level": "E3"}
    world.log({**name, "ended": True, "_signed": ("claim", cast.STUDIO, None)}, ANCHORED)
    anchor(world, ANCHORED, raw)
    report = check(world, raw, leaves, found=Map(world, world.seal(ANCHORED)))
    assert (report.outcome, report.upheld, report.exit_code) == ("valid", False, Exit.NOT_PERMITTED)
    assert "changed_since" in report.steps[4].detail


# Acknowledgements


RECEIVED = times.plus(cast.BATCH_C, -30)
SUSPECT = "2026-12-05T00:00:00Z"


def acknowledge(statement, key=cast.RECEIPT_KEY, registry=cast.REGISTRY, received_at=RECEIVED):
    made = acknowledgements.acknowledge(registry, statement, received_at)
    return acknowledgements.sign(made, key.jwk.thumbprint, key.sign)


def withdrawn(time=cast.BATCH_C, party=cast.STUDIO):
    """The grant is withdrawn; the world and the statement's digest."""
    world, _ = granted()
    withdrawal = {"t": "withdraw", "grant": cast.GRANT, "parties": [party], "ends_at": time}
    world.log({**withdrawal, "_signed": ("withdrawal", party, canonical.digest(world.made.token))}, time)
    [digest] = world.made.statements[len(world.made.events) - 1]
    return world, digest


def judge(world, raw, statement=None, trust=TRUST):
    place = published(world, len(world.made.events))
    return check_acknowledgement(raw, read_log(place, trust, wanted(raw, statement)), trust, statement)


def lost(world, party=cast.STUDIO):
    """A withdrawal that the registry received and never logged."""
    grant = canonical.digest(world.made.token)
    return cast.sign("withdrawal", party, grant, {}, at=cast.BATCH_C, nonce="lost")


def test_a_statement_that_was_logged_in_time_keeps_the_promise():
    world, digest = withdrawn()
    pos = len(world.made.events) - 1
    world.seal(cast.BATCH_C)
    raw = acknowledge(digest)
    for statement in (None, world.made.evidence[digest]):
        kept = judge(world, raw, statement)
        assert (kept.outcome, kept.pos, kept.exit_code, kept.evidence) == (Outcome.LOGGED, pos, Exit.PERMITTED, ())


def test_a_statement_that_is_not_there_in_time_is_withdrawal_unlogged_with_the_evidence():
    world, _ = granted()
    statement = lost(world)
    raw = acknowledge(canonical.digest(statement))
    world.seal(times.plus(RECEIVED, 59))
    early = judge(world, raw, statement)
    assert (early.outcome, early.exit_code) == (Outcome.NOT_DUE, Exit.COULD_NOT_CHECK)
    world.seal(times.plus(RECEIVED, 60))
    for shown in (None, statement):
        kept = judge(world, raw, shown)
        assert (kept.outcome, kept.exit_code, kept.outcome.value) == (Outcome.UNLOGGED, Exit.INVALID, UNLOGGED)
        assert kept.evidence[0] == raw
        assert kept.evidence[1] == cast.sign_log(world.made.events)


def test_what_is_logged_after_the_checkpoint_that_was_promised_is_too_late():
    world, _ = granted()
    world.seal(times.plus(RECEIVED, 60))
    withdrawal = {"t": "withdraw", "grant": cast.GRANT, "parties": [cast.STUDIO], "ends_at": times.plus(RECEIVED, 61)}
    signed = ("withdrawal", cast.STUDIO, canonical.digest(world.made.token))
    world.log({**withdrawal, "_signed": signed}, times.plus(RECEIVED, 61))
    [digest] = world.made.statements[len(world.made.events) - 1]
    world.seal(times.plus(RECEIVED, 61))
    kept = judge(world, acknowledge(digest))
    assert (kept.outcome, kept.pos) == (Outcome.UNLOGGED, len(world.made.events) - 2)
    assert "too late" in kept.detail


def test_an_event_of_another_kind_that_names_the_statement_keeps_no_promise():
    world, _ = granted()
    statement = lost(world)
    listed = receipts.write_list([canonical.digest(b"x")])
    world.made.blobs[receipts.list_digest(listed)] = listed
    told = {"t": "anchor", "kind": "receipts", "digest": receipts.list_digest(listed), "party": cast.STUDIO}
    world.append({**told, "statement": canonical.digest(statement)}, cast.BATCH_C)
    world.seal(times.plus(RECEIVED, 60))
    assert judge(world, acknowledge(canonical.digest(statement))).outcome == Outcome.UNLOGGED


def test_another_holders_withdrawal_that_came_first_leaves_nothing_to_do():
    world, _ = withdrawn(party=cast.PUBLISHER)
    pos = len(world.made.events) - 1
    statement = lost(world)
    raw = acknowledge(canonical.digest(statement))
    world.seal(times.plus(RECEIVED, 60))
    kept = judge(world, raw, statement)
    assert (kept.outcome, kept.pos, kept.exit_code) == (Outcome.OVERTAKEN, pos, Exit.NOT_PERMITTED)
    # Who does not show the statement cannot be told so.
    assert judge(world, raw).outcome == Outcome.UNLOGGED


def test_of_a_grant_that_never_came_into_the_log_there_is_nothing_to_withdraw():
    world = World().begin()
    world.sign_grant()
    statement = lost(world)
    world.seal(times.plus(RECEIVED, 60))
    kept = judge(world, acknowledge(canonical.digest(statement)), statement)
    assert (kept.outcome, kept.pos) == (Outcome.OVERTAKEN, None)


@pytest.mark.parametrize("kind", ["refusal", "key-end"])
def test_a_key_that_had_ended_signs_nothing(kind):
    world, _ = granted()
    key = cast.KEY_RECORDS[cast.STUDIO].key_id
    body: dict[str, Any] = {"party": cast.STUDIO, "key": key, "reason": "lost", "suspect_from": None}
    if kind == "refusal":
        body = {"party": cast.STUDIO, "refusal": cast.GRANT, "vendors": ["*"], "works": ["*"], "uses": ["*"]}
    subject = canonical.digest(canonical.encode(body))
    statement = cast.sign(kind, cast.STUDIO, subject, body, at=cast.BATCH_C, nonce="late")
    ended = {"t": "party-key-end", "party": cast.STUDIO, "key": key, "reason": "lost", "suspect_from": None}
    world.log({**ended, "statement": None}, cast.BATCH_C)
    world.seal(times.plus(cast.BATCH_C, 60))
    raw = acknowledge(canonical.digest(statement), received_at=cast.BATCH_C)
    assert judge(world, raw, statement).outcome == Outcome.OVERTAKEN


def test_a_key_that_the_registry_ended_once_it_had_the_statement_excuses_nothing():
    world, _ = granted()
    statement = lost(world)
    key = cast.KEY_RECORDS[cast.STUDIO].key_id
    ended = {"t": "party-key-end", "party": cast.STUDIO, "key": key, "reason": "lost", "suspect_from": None}
    world.log({**ended, "statement": None}, cast.BATCH_C)
    world.seal(times.plus(RECEIVED, 60))
    raw = acknowledge(canonical.digest(statement))
    assert cast.BATCH_C > RECEIVED
    assert judge(world, raw, statement).outcome == Outcome.UNLOGGED


@pytest.mark.parametrize(
    ("ended", "outcome"),
    [
        (None, Outcome.UNLOGGED),
        (times.plus(SUSPECT, 1), Outcome.UNLOGGED),
        (SUSPECT, Outcome.OVERTAKEN),
        ("2026-11-01T00:00:00Z", Outcome.OVERTAKEN),
    ],
)
def test_an_end_by_the_registry_that_suspects_less_than_the_holder_excuses_nothing(ended, outcome):
    world, _ = granted()
    key = cast.KEY_RECORDS[cast.STUDIO].key_id
    body = {"party": cast.STUDIO, "key": key, "reason": "stolen", "suspect_from": SUSPECT}
    subject = canonical.digest(canonical.encode(body))
    statement = cast.sign("key-end", cast.STUDIO, subject, body, at=RECEIVED, nonce="stolen")
    event = {**body, "t": "party-key-end", "suspect_from": ended, "statement": None}
    world.log(event, times.plus(RECEIVED, 1))
    world.seal(times.plus(RECEIVED, 60))
    assert judge(world, acknowledge(canonical.digest(statement)), statement).outcome == outcome


@pytest.mark.parametrize(
    "changes", [{"key": cast.GRANT_KEY}, {"registry": "sha256:" + "0" * 64}, {"received_at": "2026-11-30T00:00:00Z"}]
)
def test_an_acknowledgement_that_the_registry_did_not_give_is_refused(changes):
    world, digest = withdrawn()
    world.seal(cast.BATCH_C)
    with pytest.raises(NotTrustedError):
        judge(world, acknowledge(digest, **changes))


def test_a_statement_other_than_the_one_acknowledged_is_refused():
    world, digest = withdrawn()
    world.seal(cast.BATCH_C)
    with pytest.raises(MalformedError, match="another statement"):
        judge(world, acknowledge(digest), lost(world))
    grant = next(one for one in world.made.statements.values() if len(one) == 3)[0]
    with pytest.raises(MalformedError, match="never acknowledged"):
        judge(world, acknowledge(grant), world.made.evidence[grant])


def test_an_acknowledgement_is_judged_by_the_keys_of_its_time():
    new, later = cast.key("receipt-2"), times.plus(RECEIVED, -600)
    world, _ = granted()
    rotated(world, later)
    withdrawal = {"t": "withdraw", "grant": cast.GRANT, "parties": [cast.STUDIO], "ends_at": cast.BATCH_C}
    signed = ("withdrawal", cast.STUDIO, canonical.digest(world.made.token))
    world.log({**withdrawal, "_signed": signed}, cast.BATCH_C)
    [digest] = world.made.statements[len(world.made.events) - 1]
    world.seal(cast.BATCH_C)
    assert judge(world, acknowledge(digest, key=new)).outcome == Outcome.LOGGED
    with pytest.raises(SignatureError):
        judge(world, acknowledge(digest))


# The log that is looked into


def test_a_log_of_another_registry_or_root_tells_nothing():
    world, *_ = story()
    place = published(world, len(world.made.events))
    for trust in (cast.trust(registry="sha256:" + "0" * 64), cast.trust(roots=(cast.LOG_KEY.jwk.thumbprint,))):
        with pytest.raises(NotTrustedError):
            read_log(place, trust)


@pytest.mark.parametrize(
    "leaf", [b'{"t":"anchor"}', b"\xff", b'{"digest":"","kind":"runs","party":null,"statement":null,"t":"anchor"}']
)
def test_an_entry_that_is_no_event_hides_no_broken_promise(leaf):
    world, _ = granted()
    raw = acknowledge(canonical.digest(lost(world)))
    world.made.events.append(leaf)
    # Nor does a keyset that nobody can fetch.
    world.append({"t": "keyset", "version": 2, "digest": canonical.digest(b"withheld")}, cast.BATCH_C)
    world.seal(cast.BATCH_C)
    world.seal(times.plus(cast.BATCH_C, 60))
    assert judge(world, raw).outcome == Outcome.UNLOGGED


def test_a_log_that_is_not_sound_is_no_fault_of_the_question():
    world, *_ = story()
    place = published(world, len(world.made.events))
    checkpoint = place._folder / "log" / "checkpoint"
    for raw in (b"no note", cast.sign_log([*world.made.events[:-1], b"{}"])):
        checkpoint.write_bytes(raw)
        with pytest.raises(NotTrustedError):
            read_log(place, TRUST)


def test_entries_that_do_not_lead_to_the_checkpoint_tell_nothing():
    world, *_ = story()
    place = published(world, len(world.made.events))
    checkpoint = place._folder / "log" / "checkpoint"
    *others, last = world.made.events
    for entries, error in (([*others[:-1], last, last], ProofError), ([*others, last, last], UnreachableError)):
        checkpoint.write_bytes(cast.sign_log(entries))
        with pytest.raises(error):
            read_log(place, TRUST)
    checkpoint.unlink()
    with pytest.raises(UnreachableError):
        read_log(place, TRUST)
