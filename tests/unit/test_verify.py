"""How a court checks a grant: valid evidence, the instant in question, and what must never pass."""

import html.parser
import itertools
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from priorconsent import canonical, grants, jws, merkle_map, names, states, times
from priorconsent.court import bundle, container, papers
from priorconsent.court.fsck import fsck
from priorconsent.court.gather import gather
from priorconsent.court.log_steps import require_all
from priorconsent.court.published import Folder
from priorconsent.court.report import Exit, counted
from priorconsent.court.verify import TITLES, verify
from priorconsent.errors import MalformedError, NotTrustedError
from priorconsent.keys import RegistryKey, sign_keyset
from priorconsent.log import note, policy
from priorconsent.offers import TextPin
from priorconsent.reasons import Verdict
from priorconsent.rights import LATEST, SHIPPED, RightsTable, Rule
from priorconsent.shares import Link
from tests import court_world
from tests import scenario as cast
from tests.court_world import OFFER, World, dishonest, granted, honest, repack, withdrawn

TRUST = cast.trust()
BUNDLES = Path(__file__).parents[1] / "vectors" / "bundles"


def failed(report):
    return [step.code for step in report.steps if not step.ok]


def assert_invalid(raw, *codes, trust=TRUST, match=""):
    report = verify(raw, trust)
    assert report.outcome == "invalid"
    assert (report.exit_code, report.permitted, report.decisions) == (Exit.INVALID, False, {})
    assert set(codes) <= set(failed(report)), report.steps
    assert re.search(match, " ".join(step.detail for step in report.steps)), report.steps
    return report


# Valid evidence


def test_the_day_of_the_grant_is_valid_and_permitted():
    report = verify(granted(), TRUST)
    assert (report.outcome, report.exit_code, failed(report)) == ("valid", Exit.PERMITTED, [])
    assert [step.number for step in report.steps] == list(range(1, 16))
    assert [step.code for step in report.steps] == list(TITLES)
    assert report.at == cast.BATCH_B
    assert report.decisions[cast.FILM].verdict is Verdict.PERMITTED


def test_after_the_withdrawal_the_same_grant_is_valid_and_not_permitted():
    report = verify(withdrawn(), TRUST)
    assert (report.outcome, report.exit_code) == ("valid", Exit.NOT_PERMITTED)
    assert report.decisions[cast.FILM].reason == "withdrawn"


def test_the_later_map_also_tells_of_the_time_before_the_withdrawal():
    report = verify(withdrawn(), TRUST, at="2027-02-28T23:59:59Z")
    assert report.exit_code == Exit.PERMITTED


@pytest.mark.parametrize("at", ["2026-12-10T11:59:59Z", "2027-03-01T00:00:01Z"])
def test_outside_its_two_checkpoints_the_evidence_is_inconclusive(at):
    report = verify(withdrawn(), TRUST, at=at)
    assert (report.outcome, report.exit_code, report.decisions) == ("inconclusive", Exit.COULD_NOT_CHECK, {})
    assert failed(report) == ["time", "decision"]


@pytest.mark.parametrize(
    ("copy_s", "exit_code"),
    [
        (-1, Exit.NOT_PERMITTED),
        (0, Exit.COULD_NOT_CHECK),
        (6 * 3600 - 1, Exit.COULD_NOT_CHECK),
        (6 * 3600, Exit.PERMITTED),
    ],
)
def test_a_grant_dated_back_covers_no_copy_from_before_its_checkpoint(copy_s, exit_code):
    """Logged at the end of six hours without an entry, and dated to their beginning, which breaks no rule."""
    world = World().begin()
    world.log(world.sign_grant(), cast.BATCH_B)
    size = world.seal(times.plus(cast.BATCH_B, 6 * 3600))
    report = verify(world.bundle(size, size), TRUST, asked={"acquired_at": times.plus(cast.BATCH_B, copy_s)})
    assert report.exit_code == exit_code


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"use": "train.generative.pretrain"}, "granted"),
        ({"use": "generate.character"}, "use_not_granted"),
        ({"vendor": cast.STRANGER}, "other_licensee"),
        ({"territory": "FR"}, "territory_not_granted"),
        ({"model": "B-Video"}, "model_not_granted"),
        ({"acquired_at": "2026-12-05T00:00:00Z"}, "copy_predates_grant"),
        ({"min_level": "E3", "min_method": "key"}, "granted"),
        ({"territory": "Atlantis"}, "invalid_query"),
    ],
)
def test_what_is_asked_decides_and_the_rest_comes_from_the_offer(asked, reason):
    report = verify(granted(), TRUST, asked=asked)
    assert (report.outcome, report.decisions[cast.FILM].reason) == ("valid", reason)


def test_rules_that_the_registry_made_up_permit_nothing(tmp_path):
    """With a table of its own, by which the author of the original need not be asked, one signature would do."""
    rule = Rule(uses=("train",), rights=("copyright",), reach=("self",), kinds=(), modalities_in=())
    own = RightsTable(v=1, version=2, rules=(rule,))
    world = World().begin()
    world.made.blobs[own.digest] = own.encode()
    world.take({"t": "rights-table", "version": 2, "digest": own.digest}, cast.BATCH_B)
    pinned = canonical.digest(canonical.encode([[cast.FILM, cast.SHARE_SETS[cast.FILM].digest]]))
    offer = msgspec.structs.replace(OFFER, rights_table=own.digest, share_sets=pinned, rights=("copyright",))
    world.log(world.sign_grant(offer, approvers=[cast.STUDIO]), cast.BATCH_B)
    size = world.seal(cast.BATCH_B)

    report = verify(world.bundle(size, size), TRUST)
    assert (report.outcome, report.exit_code) == ("valid", Exit.NOT_PERMITTED)
    assert report.decisions[cast.FILM].reason == "rights_not_granted"
    assert any("is not known here" in line for line in report.assumptions)
    assert verify(world.bundle(size, size), TRUST, tables={own.digest: own}).exit_code == Exit.PERMITTED
    found = fsck(Folder(world.publish(tmp_path)), TRUST)
    assert (found.exit_code, [one.code for one in found.unable]) == (Exit.COULD_NOT_CHECK, ["not_available"])


def test_scenario_1_verifies_as_the_vector_has_it():
    made, tables = cast.scenario(), {cast.OFFER.rights_table: LATEST}

    class Archive(court_world.Archive):
        def rights_table(self, digest):
            return tables[digest]

    maps = {
        size: {name: states.read_state(name, raw) for name, raw in made.leaves(batch).items()}
        for batch, size in cast.SIZES.items()
    }
    world = World()
    world.made, world.archive, world.maps = made, Archive(made), maps
    for now, exit_code in ((20, Exit.PERMITTED), (22, Exit.NOT_PERMITTED)):
        report = verify(world.bundle(20, now), TRUST, tables=tables)
        assert (report.outcome, report.exit_code) == ("valid", exit_code), report.steps


def test_texts_that_the_offer_pins_lie_in_the_bundle_and_no_others():
    text = "licence, 許諾条件".encode()
    pin = TextPin(lang="ja", media_type="text/plain", digest=canonical.digest(text))

    def keep(world):
        world.made.blobs[pin.digest] = text

    raw = dishonest(keep, offer=msgspec.structs.replace(OFFER, texts=(pin,)))
    assert verify(raw, TRUST).exit_code == Exit.PERMITTED
    name, other = f"texts/{pin.digest[7:]}", f"texts/{canonical.digest(b'other')[7:]}"
    assert_invalid(repack(raw, {name: text + b"!"}), "archive", match="digest in its name")
    for changes in ({name: None}, {name: None, other: b"other"}, {other: b"other"}):
        assert_invalid(repack(raw, changes), "offer", match="texts are not exactly those")


def test_bundles_made_before_stay_valid_to_the_letter():
    """If this fails, so would every bundle in somebody's files: the papers are part of the format."""
    stored = BUNDLES.joinpath("withdrawn.zip").read_bytes()
    assert verify(stored, TRUST).outcome == "valid"
    assert stored == withdrawn()


def test_every_assumption_is_named():
    told = " ".join(verify(granted(), TRUST).assumptions)
    for word in ("quorum none", "levels", "fsck", "trust file", "taken as met", "Evidence unchecked: none", "vendor"):
        assert word in told


def test_an_instant_that_is_not_said_is_told_with_what_it_leaves_out():
    told = (
        f"Not said, so taken: at {verify(withdrawn(), TRUST).at}, the bundle's last checkpoint; what was logged later"
    )
    assert any(line.startswith(told) for line in verify(withdrawn(), TRUST).assumptions)
    assert not any("last checkpoint" in line for line in verify(withdrawn(), TRUST, at=cast.BATCH_B).assumptions)


def test_a_step_that_was_not_reached_is_no_step_that_failed():
    steps = verify(granted()[:-1], TRUST).steps
    assert [step.mark for step in steps] == ["FAILED"] + ["-"] * 14
    assert not any(step.ok for step in steps)
    assert all(step.detail.startswith("not reached") for step in steps[1:])
    assert b"<td>FAILED</td>" in verify(granted()[:-1], TRUST).to_html()


def test_what_failed_quietly_fails_the_step_that_it_keeps_from_beginning():
    raw = repack(granted(), {"grant/token.jwt": b"x"}, renew=False)
    steps = {step.code: step for step in verify(raw, TRUST).steps}
    assert (steps["token"].mark, steps["state"].mark) == ("FAILED", "-")
    assert "not reached" not in steps["token"].detail


def test_two_checks_with_one_text_are_two_checks():
    with pytest.raises(NotTrustedError, match=r"^it is wrong$"):
        require_all((False, "it is wrong"), (True, "it is wrong"))
    with pytest.raises(NotTrustedError, match=r"^first; second$"):
        require_all((False, "first"), (True, "never"), (False, "second"))
    require_all((True, "never"))


@pytest.mark.parametrize(("number", "told"), [(0, "0 entries"), (1, "1 entry"), (2, "2 entries")])
def test_one_is_singular(number, told):
    assert counted(number, "entry", "entries") == told


def test_an_instant_that_is_none_is_refused_before_anything():
    with pytest.raises(MalformedError):
        verify(granted(), TRUST, at="yesterday")


# One byte


def flips(content):
    """The content with one byte changed: at the beginning, the end, and a few places between."""
    for at in sorted({0, len(content) // 3, len(content) // 2, len(content) * 2 // 3, len(content) - 1} - {-1}):
        yield content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def named_anew(name, content):
    """Where an attacker would put changed content, so that its name fits again."""
    folder = name.rpartition("/")[0]
    actual = bundle._NAMED_BY.get(folder)
    stem = actual(content) if actual else None
    return name if stem is None else f"{folder}/{stem}{'.json' if name.endswith('.json') else ''}"


def renewed(raw, changes):
    """As ``repack``; where the papers cannot be made from broken files, the old ones stay."""
    try:
        return repack(raw, changes)
    except Exception:  # noqa: BLE001 (an attacker does not care why)
        files = {name: content for name, content in {**container.unpack(raw), **changes}.items() if content is not None}
        return container.pack({**files, papers.MANIFEST: papers.manifest(files)})


@pytest.mark.parametrize("name", sorted(container.unpack(withdrawn())))
def test_one_byte_changed_in_any_file_is_not_valid(name):
    content = container.unpack(withdrawn())[name]
    for changed in flips(content):
        assert_invalid(repack(withdrawn(), {name: changed}, renew=False))
        if name in {*papers.NAMES, papers.MANIFEST}:
            continue
        assert_invalid(renewed(withdrawn(), {name: changed}))
        assert_invalid(renewed(withdrawn(), {name: None, named_anew(name, changed): changed}))
    assert_invalid(repack(withdrawn(), {name: content + b"\n"}, renew=False))


def test_papers_that_differ_are_found_with_the_manifest_made_anew():
    files = container.unpack(granted())
    for name in papers.NAMES:
        changed = {**files, name: files[name].replace(b"recorded", b"approved")}
        assert_invalid(container.pack({**changed, papers.MANIFEST: papers.manifest(changed)}), "papers", match=name)


def test_bytes_of_the_archive_itself_count():
    raw = granted()
    for at in range(0, len(raw), 211):
        assert_invalid(raw[:at] + bytes([raw[at] ^ 0x20]) + raw[at + 1 :])


# Pieces taken away, put in, or taken from elsewhere


@pytest.mark.parametrize("name", sorted(container.unpack(withdrawn())))
def test_a_file_left_out_is_not_valid(name):
    assert_invalid(repack(withdrawn(), {name: None}, renew=False), "archive" if name in bundle.REQUIRED else "papers")
    if name not in {*papers.NAMES, papers.MANIFEST}:
        assert_invalid(renewed(withdrawn(), {name: None}))


def _other(name):
    """The same pieces from another grant of the same registry."""
    files = container.unpack(court_world.dishonest(offer=msgspec.structs.replace(OFFER, salt=cast.salt("other"))))
    return {path: raw for path, raw in files.items() if path.startswith(name)}


@pytest.mark.parametrize(
    "piece", ["grant/token.jwt", "grant/offer.json", "first/event.json", "first/", "now/", "statements/"]
)
def test_a_piece_of_another_grant_is_not_valid(piece):
    assert_invalid(renewed(granted(), _other(piece)))


def test_an_event_that_was_never_logged_is_not_valid():
    assert_invalid(renewed(granted(), _other("first/event.json")), "first", match="leads to another root")


def test_an_approval_that_is_not_cited_is_not_valid():
    world = honest()
    extra = next(raw for digest, raw in world.made.evidence.items() if digest == world.made.statements[10][0])
    name = f"statements/{canonical.digest(extra)[7:]}"
    assert_invalid(repack(granted(), {name: extra}), "statements", match="is not cited")


def test_a_state_that_decides_nothing_has_no_place():
    leaf = honest().leaf(names.party(cast.STRANGER), 20)
    name = f"now/map/{merkle_map.map_key(leaf.name).hex()}.json"
    assert_invalid(repack(granted(), {name: leaf.encode()}), "complete", match="has no place in the bundle")


def test_a_later_checkpoint_that_is_older_than_the_first_is_not_valid():
    world = honest()
    leaves = [world.leaf(name, 18) for name in sorted(world.maps[18]) if names.kind_of(name) != "grant"]
    files = {"now/map-root.json": world.now(18, 18).map_root, "now/map-root-proof": world.now(18, 18).map_root_proof}
    files |= {f"now/map/{merkle_map.map_key(leaf.name).hex()}.json": leaf.encode() for leaf in leaves}
    assert_invalid(renewed(granted(), files), "now", match="does not extend")


def with_lines(raw, *lines):
    """The bundle with signature lines added to each checkpoint."""
    added = "".join(line.text() for line in lines).encode()
    files = container.unpack(raw)
    return repack(raw, {name: files[name] + added for name in files if name.endswith("proof")})


def test_a_line_by_an_unknown_witness_changes_nothing():
    lines = [
        note.SignatureLine("witness.example/w", key_id, bytes(length))
        for key_id, length in ((b"ed25", 64), (b"time", 72), (b"mlds", 2428))
    ]
    assert verify(with_lines(granted(), *lines), TRUST).outcome == "valid"


@pytest.mark.parametrize(
    "lines",
    [
        [note.SignatureLine("witness.example/w", b"ed25", bytes(65))],
        [note.SignatureLine("witness.example/w", b"ed25", bytes(2429))],
        [note.SignatureLine("w" * 256, b"ed25", bytes(64))],
        [note.SignatureLine("witness.example/w", b"time", bytes(72))] * 2,
    ],
    ids=["other_length", "longer_than_any", "name_too_long", "key_twice"],
)
def test_a_checkpoint_is_no_place_for_bytes_that_are_no_signature(lines):
    assert_invalid(with_lines(granted(), *lines), "first", "now", match="no signature of|twice")


# Other registries, other roots, other logs


def test_a_registry_that_is_not_the_one_trusted_is_not_valid():
    assert_invalid(granted(), "keysets", "offer", trust=cast.trust(registry="sha256:" + "0" * 64))


def test_roots_that_are_not_those_trusted_are_not_valid():
    assert_invalid(granted(), "keysets", trust=cast.trust(roots=(cast.LOG_KEY.jwk.thumbprint,)), match="0 of the 1")


def test_fewer_roots_than_trusted_are_not_valid():
    roots = tuple(sorted((cast.ROOT_KEY.jwk.thumbprint, cast.LOG_KEY.jwk.thumbprint)))
    assert_invalid(granted(), "keysets", trust=cast.trust(roots=roots, threshold=2), match="1 of the 2")


def test_a_log_that_is_not_the_one_trusted_is_not_valid():
    other = policy.Policy((policy.Log(note.Verifier(cast.ORIGIN, cast.GRANT_KEY.jwk.raw)),)).text()
    assert_invalid(granted(), "first", "now", trust=cast.trust(log_policy=other))


def test_a_trust_file_may_lengthen_the_delay_of_keys():
    lag_s = 9 * 86400 + 12 * 3600
    assert verify(granted(), cast.trust(key_delay_s=lag_s)).outcome == "valid"
    assert_invalid(granted(), "statements", trust=cast.trust(key_delay_s=lag_s + 1), match="counts only from")


# A registry that signs anything: consent must still be shown


def test_the_tests_below_differ_from_honest_evidence_in_one_thing_only():
    assert verify(dishonest(), TRUST).exit_code == Exit.PERMITTED


@pytest.mark.parametrize("missing", court_world.HOLDERS)
def test_an_approval_left_out_is_not_valid(missing):
    approvers = [one for one in court_world.HOLDERS if one != missing]
    assert_invalid(dishonest(approvers=approvers), "complete", match=f"no approval by {missing}")


def test_an_approval_by_a_stranger_to_the_work_is_not_valid():
    raw = dishonest(approvers=[*court_world.HOLDERS, cast.VENDOR])
    assert_invalid(raw, "complete", match="whose it is not to give")


def test_the_licensee_has_to_accept_and_nobody_else():
    assert_invalid(dishonest(acceptors=[]), "complete", match="has to accept")
    assert_invalid(dishonest(acceptors=[cast.VENDOR, cast.STUDIO]), "complete", match="has to accept")


def test_the_original_cannot_be_excluded():
    raw = dishonest(offer=msgspec.structs.replace(OFFER, excluded=(cast.MANGA,)), approvers=[cast.STUDIO])
    assert_invalid(raw, "complete", match="cannot be excluded")


def test_an_approval_by_a_second_key_that_is_not_bound_is_not_valid():
    def end_keys(world):
        name = names.party(cast.STUDIO)
        world.ledger.put(name, msgspec.structs.replace(world.ledger.states[name], keys=()))

    assert_invalid(dishonest(end_keys), "statements", match="not bound")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"until": cast.BATCH_A}, "not in force"),
        ({"from_": cast.BATCH_C}, "not in force"),
        ({"counts_from": cast.BATCH_C}, "counts only from"),
        ({"method": "passkey"}, "another method"),
    ],
)
def test_an_approval_by_a_key_that_does_not_count_is_not_valid(change, match):
    def spoil(world):
        name = names.party(cast.PUBLISHER)
        state = world.ledger.states[name]
        world.ledger.put(name, msgspec.structs.replace(state, keys=(msgspec.structs.replace(state.keys[0], **change),)))

    assert_invalid(dishonest(spoil), "statements", match=match)


def spoiled_statement(**members):
    """A grant under a statement by the studio that differs in some members, signed all the same."""
    world = World().begin()
    original = cast.sign

    def sign(kind, party, subject, body, *, at, nonce):
        raw = original(kind, party, subject, body, at=at, nonce=nonce)
        if (kind, party) != ("approval", cast.STUDIO):
            return raw
        payload = canonical.parse(canonical.from_base64url(raw.split(b".")[1].decode()))
        statement = {**payload, **members}
        header = {"alg": "Ed25519", "typ": "prior-consent-statement+jws", "kid": statement["key"]}
        return jws.sign(header, canonical.encode(statement), cast.PARTY_KEYS[cast.STUDIO].sign)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cast, "sign", sign)
        event = world.sign_grant()
    world.force(event, OFFER, cast.BATCH_B)
    size = world.seal(cast.BATCH_B)
    return world.bundle(size, size)


@pytest.mark.parametrize(
    ("members", "match"),
    [
        ({"decision": "decline"}, "it is a decline"),
        ({"rights": []}, "does not name all rights"),
        ({"rights": ["moral"]}, "does not name all rights"),
        ({"subject": "sha256:" + "1" * 64}, "another offer"),
        ({"registry": "sha256:" + "1" * 64}, "another party or registry"),
        ({"party": cast.PUBLISHER, "by": cast.PUBLISHER}, "another party or registry|not bound"),
        ({"type": "acceptance", "rights": []}, "of type acceptance"),
        ({"at": "2026-12-10T12:00:01Z"}, "later than it was logged"),
        ({"not_after": cast.BATCH_B}, "lapsed"),
    ],
)
def test_a_statement_that_says_something_else_is_not_valid(members, match):
    assert_invalid(spoiled_statement(**members), "statements" if "rights" not in match else "complete", match=match)


def test_a_small_order_key_is_not_valid():
    """Under the neutral point any message verifies with a signature that needs no secret."""
    files = container.unpack(granted())
    name = next(path for path in files if path.startswith("keys/"))
    record = canonical.parse(files[name])
    record["jwk"]["x"] = canonical.to_base64url(b"\x01" + bytes(31))
    raw = canonical.encode(record)
    assert_invalid(renewed(granted(), {name: None, named_anew(name, raw): raw}), "statements")


def test_a_share_set_other_than_the_one_in_force_is_not_valid():
    document = msgspec.structs.replace(cast.SHARE_SETS[cast.FILM], links=())
    pinned = canonical.digest(canonical.encode([[cast.FILM, document.digest]]))
    offer = msgspec.structs.replace(OFFER, share_sets=pinned)
    raw = dishonest(offer=offer, approvers=[cast.STUDIO])
    files = container.unpack(raw)
    old = {name: None for name in files if name.startswith("share-sets/")}
    changed = {**old, f"share-sets/{document.digest[7:]}.json": document.encode()}
    assert_invalid(repack(raw, changed), "complete", match="had been replaced before the grant")


def test_an_offer_that_pins_other_share_sets_is_not_valid():
    assert_invalid(
        dishonest(offer=msgspec.structs.replace(OFFER, share_sets="sha256:" + "2" * 64)),
        "complete",
        match="not those that the offer pins",
    )


def test_a_holder_deleted_from_the_share_set_is_not_valid():
    files = container.unpack(granted())
    document = msgspec.structs.replace(cast.SHARE_SETS[cast.MANGA], shares=())
    name = f"share-sets/{cast.SHARE_SETS[cast.MANGA].digest[7:]}.json"
    assert name in files
    assert_invalid(
        repack(granted(), {name: None, f"share-sets/{document.digest[7:]}.json": document.encode()}), "complete"
    )


@pytest.mark.parametrize(
    ("change", "match"),
    [({"level": "E2"}, "level is not the lowest"), ({"method": "passkey"}, "method is not the lowest")],
)
def test_level_and_method_are_the_lowest_of_those_relied_on(change, match):
    world = World().begin()
    event = world.sign_grant()
    world.force(event, OFFER, cast.BATCH_B, **change)
    size = world.seal(cast.BATCH_B)
    assert_invalid(world.bundle(size, size), "complete", match=match)


def forced(event=None, state=None, offer=OFFER, seal=cast.BATCH_B):
    """A grant whose event or whose state in the map is not what was signed."""
    world = World().begin()
    world.force(world.sign_grant(offer), offer, cast.BATCH_B, **(event or {}))
    name = names.grant(offer.grant)
    world.ledger.put(name, msgspec.structs.replace(world.ledger.states[name], **(state or {})))
    size = world.seal(seal)
    return world.bundle(size, size)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"offer": "sha256:" + "3" * 64}, "names another offer"),
        ({"digest": "sha256:" + "3" * 64}, "names another token"),
        ({"valid_until": "2029-01-01T00:00:00Z"}, "differs from the offer"),
        ({"valid_from": cast.BATCH_A}, "differs from the offer"),
        ({"works": [cast.MANGA]}, "differs from the offer"),
    ],
)
def test_an_event_that_differs_from_what_was_signed_is_not_valid(change, match):
    assert_invalid(forced(event=change), "offer", match=match)


LIFE = states.LifeEntry(s="active", pos=18, time=cast.BATCH_B, ends_at=None, cause=None)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"valid_until": "2029-01-01T00:00:00Z"}, "another grant than the event"),
        ({"level": "E2"}, "another grant than the event"),
        ({"terms": msgspec.structs.replace(OFFER, territory=("*",))}, "other terms than the offer"),
        ({"life": (msgspec.structs.replace(LIFE, pos=17),)}, "does not begin with the event"),
        ({"life": (msgspec.structs.replace(LIFE, time=cast.BATCH_A),)}, "does not begin with the event"),
    ],
)
def test_a_state_that_differs_from_what_was_logged_is_not_valid(change, match):
    assert_invalid(forced(state=change), "state", match=match)


def test_an_event_later_than_its_checkpoint_is_not_valid():
    world = World().begin()
    world.force(world.sign_grant(), OFFER, cast.BATCH_C)
    size = world.seal(cast.BATCH_B)
    assert_invalid(world.bundle(size, size), "first", match="later than its checkpoint")


def test_an_event_that_is_no_grant_is_not_valid():
    first = honest().first(20, 10)
    files = {"first/event.json": first.event, "first/proof": first.proof}
    assert_invalid(renewed(granted(), files), "first", match="not a grant")


def test_event_and_map_root_are_under_one_checkpoint():
    assert_invalid(
        repack(granted(), {"first/proof": honest().first(22, 18).proof}), "first", match="different checkpoints"
    )


def test_a_time_that_goes_back_is_not_valid():
    world = World().begin()
    world.log(world.sign_grant(), cast.BATCH_B)
    first = world.seal(cast.BATCH_B)
    now = world.seal(cast.BATCH_A)
    assert_invalid(world.bundle(first, now), "now", match="earlier time")


def test_a_second_approval_by_one_party_counts_for_nobody_else():
    raw = dishonest(approvers=[cast.STUDIO, cast.STUDIO])
    assert_invalid(raw, "statements", match="a second one by")


def test_a_key_that_signed_nothing_has_no_place():
    record = msgspec.structs.replace(cast.KEY_RECORDS[cast.STUDIO], salt=cast.salt("spare"))
    raw = repack(granted(), {f"keys/{record.key_id[7:]}.json": record.encode()})
    assert_invalid(raw, "statements", match="is not used")


def test_a_share_set_of_another_work_has_no_place():
    document = msgspec.structs.replace(cast.SHARE_SETS[cast.FILM], work="urn:uuid:00000000-0000-4000-8000-0000000000a9")
    raw = repack(granted(), {f"share-sets/{document.digest[7:]}.json": document.encode()})
    assert_invalid(raw, "complete", match="share sets of other works")


@pytest.mark.parametrize(
    "change",
    [
        {"registry": "sha256:" + "4" * 64},
        {"salt": cast.salt("a second one")},
        {"links": [{"rel": "contains", "work": None}]},
    ],
)
def test_a_share_set_that_cannot_be_is_not_valid(change):
    document = {**cast.SHARE_SETS[cast.MANGA].to_json(), **change}
    raw = canonical.encode(document)
    assert_invalid(repack(granted(), {f"share-sets/{canonical.digest(raw)[7:]}.json": raw}), "complete")


def test_a_map_that_shows_other_holders_than_the_share_set_is_not_valid():
    def drop_the_link(world):
        name = names.work(cast.FILM)
        world.ledger.put(name, msgspec.structs.replace(world.ledger.states[name], links=()))

    pinned = canonical.digest(canonical.encode([[cast.FILM, cast.SHARE_SETS[cast.FILM].digest]]))
    raw = dishonest(drop_the_link, offer=msgspec.structs.replace(OFFER, share_sets=pinned), approvers=[cast.STUDIO])
    assert_invalid(raw, "complete", match="other holders or links")


def test_rights_that_the_offer_does_not_name_are_not_granted():
    raw = dishonest(offer=msgspec.structs.replace(OFFER, rights=("moral",)))
    assert_invalid(raw, "complete", match="rights that the offer does not name")


@pytest.mark.parametrize(("vendors", "valid"), [(("*",), False), ((cast.VENDOR,), False), ((cast.STRANGER,), True)])
def test_a_refusal_that_stood_against_the_grant_makes_it_invalid(vendors, valid):
    def refuse(world):
        name = names.party(cast.PUBLISHER)
        refusal = states.Refusal(refusal=cast.GRANT, vendors=vendors, works=("*",), uses=("train",))
        world.ledger.put(name, msgspec.structs.replace(world.ledger.states[name], refusals=(refusal,)))

    raw = dishonest(refuse)
    if valid:
        assert verify(raw, TRUST).outcome == "valid"
    else:
        assert_invalid(raw, "complete", match="had refused before the grant")


def test_a_refusal_that_came_later_ends_nothing():
    def refuse(world):
        name = names.party(cast.PUBLISHER)
        refusal = states.Refusal(refusal=cast.GRANT, vendors=("*",), works=("*",), uses=("*",))
        state = msgspec.structs.replace(world.ledger.states[name], refusals=(refusal,), since=cast.BATCH_B)
        world.ledger.put(name, state)

    assert verify(dishonest(refuse), TRUST).exit_code == Exit.PERMITTED


def taken_over(**members):
    """An offer that pins another share set of the film, and a map that has it too."""
    document = msgspec.structs.replace(cast.SHARE_SETS[cast.FILM], **members)
    pairs = [[cast.MANGA, cast.SHARE_SETS[cast.MANGA].digest], [cast.FILM, document.digest]]
    offer = msgspec.structs.replace(OFFER, share_sets=canonical.digest(canonical.encode(pairs)))

    def take_over(world):
        world.made.evidence[document.digest] = document.encode()
        name = names.work(cast.FILM)
        same = {"links": document.links, "complete": document.complete, "share_set": document.digest}
        world.ledger.put(name, msgspec.structs.replace(world.ledger.states[name], **same))

    return document, offer, dishonest(take_over, offer=offer)


def test_a_share_set_cannot_be_complete_with_a_source_that_is_not_registered():
    links = (Link(rel="based_on", work=None), *cast.SHARE_SETS[cast.FILM].links)
    raw = taken_over(links=tuple(sorted(links, key=lambda link: link.encode())))[2]
    assert_invalid(raw, "complete", match="unregistered work is not complete")


def test_an_incomplete_share_set_is_not_valid():
    document, offer, raw = taken_over(complete=False)
    assert_invalid(raw, "complete", match="not all holders or sources")
    old = f"share-sets/{cast.SHARE_SETS[cast.FILM].digest[7:]}.json"
    changed = {old: None, f"share-sets/{document.digest[7:]}.json": document.encode()}
    assert_invalid(repack(dishonest(offer=offer), changed), "complete", match="not all holders or sources")


def after_a_transfer(drop=frozenset()):
    """The bundle of a grant whose film passed to the stranger later on."""
    world = World().begin()
    world.log(world.sign_grant(), cast.BATCH_B)
    first = world.seal(cast.BATCH_B)
    name = names.work(cast.FILM)
    holder = states.Holder(right="copyright", party=cast.STRANGER, level="E1")
    state = msgspec.structs.replace(
        world.ledger.states[name], holders=(holder,), share_set="sha256:" + "5" * 64, since=cast.BATCH_C, complete=False
    )
    world.ledger.put(name, state)
    now = world.seal(cast.BATCH_C)
    evidence = gather(world.made.token, world.archive, *(court_world.View(world.maps[size]) for size in (first, now)))
    leaves = [world.leaf(one, now) for one in evidence.names if one not in drop]
    return bundle.build(evidence, world.first(first, first - 2), world.now(now, first), leaves)


def test_a_later_transfer_ends_nothing():
    """The level of a holder that the map no longer shows is the registry's word."""
    report = verify(after_a_transfer(), TRUST)
    assert (report.outcome, report.exit_code) == ("valid", Exit.PERMITTED), report.steps


def test_whoever_holds_the_work_now_is_proved_too():
    raw = after_a_transfer(drop={names.party(cast.STRANGER)})
    assert_invalid(raw, "complete", match=f"nothing is proved about party:{cast.STRANGER}")


def test_an_offer_that_had_lapsed_is_not_valid():
    assert_invalid(dishonest(offer=msgspec.structs.replace(OFFER, lapse_at=cast.BATCH_A)), "offer", match="lapsed")


def test_a_rights_table_that_was_not_in_force_is_not_valid():
    table = msgspec.structs.replace(LATEST, version=2)

    def publish_table(world):
        world.made.blobs[table.digest] = table.encode()

    raw = dishonest(publish_table, offer=msgspec.structs.replace(OFFER, rights_table=table.digest))
    assert table.digest not in SHIPPED
    assert_invalid(raw, "complete", match="another rights table was in force")


def test_a_token_that_is_not_the_registrys_is_not_valid():
    raw = granted()
    token = grants.sign(
        grants.Token(container.unpack(raw)["grant/token.jwt"]).content,
        cast.GRANT_KEY.jwk.thumbprint,
        cast.RECEIPT_KEY.sign,
    )
    assert_invalid(repack(raw, {"grant/token.jwt": token}), "token", "offer", match="not signed by a grant key")


def test_a_log_key_cannot_sign_grants():
    raw = granted()
    token = grants.sign(
        grants.Token(container.unpack(raw)["grant/token.jwt"]).content,
        cast.LOG_KEY.jwk.thumbprint,
        cast.LOG_KEY.sign,
    )
    assert_invalid(renewed(raw, {"grant/token.jwt": token}), "token")


GRANT_KEY_2 = cast.key("grant-2")


def second_keyset(exchanged, *entries):
    """Keyset 2, in which the keys of one use are exchanged for others."""
    kept = (one for one in cast.KEYSET.keys if one.use != exchanged)
    return msgspec.structs.replace(
        cast.KEYSET,
        registry=cast.REGISTRY,
        version=2,
        previous=cast.KEYSET.digest,
        keys=tuple(sorted((*kept, *entries), key=lambda one: one.encode())),
    )


KEYSET_2 = second_keyset("grant", RegistryKey(jwk=GRANT_KEY_2.jwk, use="grant", from_=cast.BATCH_A, until=None))


def rotate(world, time, keyset=KEYSET_2):
    world.made.blobs[keyset.digest] = sign_keyset(keyset, [cast.ROOT_KEY])
    world.log({"t": "keyset", "version": 2, "digest": keyset.digest}, time)


def test_a_grant_is_judged_by_the_keyset_of_its_day_whatever_came_later():
    world = World().begin()
    world.log(world.sign_grant(), cast.BATCH_B)
    first = world.seal(cast.BATCH_B)
    rotate(world, cast.BATCH_C)
    raw = world.bundle(first, world.seal(cast.BATCH_C))
    report = verify(raw, TRUST)
    assert (report.outcome, report.exit_code) == ("valid", Exit.PERMITTED), report.steps
    assert any("keyset 1 was in force" in line for line in report.assumptions)
    assert_invalid(renewed(raw, {"keysets/2.json": None}), "token", match="do not end with the one in the map")


def test_a_grant_key_that_had_been_replaced_signs_nothing():
    assert_invalid(dishonest(lambda world: rotate(world, cast.BATCH_B)), "token", match="not signed by a grant key")


LOG_ENDED = [RegistryKey(jwk=cast.LOG_KEY.jwk, use="log", from_=cast.BATCH_A, until=cast.BATCH_C)]
LOG_NEXT = RegistryKey(jwk=cast.key("log-2").jwk, use="log", from_=cast.BATCH_A, until=None)


def test_a_log_key_whose_time_is_over_signs_no_checkpoint():
    """Its thief has the trust file on his side, which goes on naming the key for the checkpoints of its time."""
    world = World().begin()
    rotate(world, cast.BATCH_B, second_keyset("log", *LOG_ENDED, LOG_NEXT))
    world.log(world.sign_grant(), cast.BATCH_B)
    first = world.seal(cast.BATCH_B)
    in_time = world.bundle(first, first)
    assert verify(in_time, TRUST).outcome == "valid"
    late = world.bundle(first, world.seal(cast.BATCH_C))
    assert_invalid(late, "token", match=f"signed by no log key of the registry at {cast.BATCH_C}")


def test_a_log_key_that_the_roots_never_named_signs_no_checkpoint():
    def other_log_key(world):
        rotate(world, cast.BATCH_A, second_keyset("log", LOG_NEXT))

    assert_invalid(dishonest(other_log_key), "token", match="signed by no log key")


def test_a_first_checkpoint_is_held_against_the_keyset_of_its_day():
    world = World().begin()
    world.log(world.sign_grant(), cast.BATCH_B)
    first = world.seal(cast.BATCH_B)
    # Named from a later day on: whoever had this key on the day of the grant was not the log.
    later = RegistryKey(jwk=cast.LOG_KEY.jwk, use="log", from_=cast.BATCH_C, until=None)
    rotate(world, cast.BATCH_C, second_keyset("log", later))
    raw = world.bundle(first, world.seal(cast.BATCH_C))
    assert verify(raw, TRUST).outcome == "valid"


def test_a_keyset_that_the_roots_did_not_sign_is_not_valid():
    raw = sign_keyset(KEYSET_2, [cast.ROOT_KEY]).replace(b'"signature":"', b'"signature":"A')
    assert_invalid(repack(granted(), {"keysets/2.json": raw}), "keysets")
    stranger = msgspec.structs.replace(KEYSET_2, roots=(cast.LOG_KEY.jwk,))
    raw = repack(granted(), {"keysets/2.json": sign_keyset(stranger, [cast.LOG_KEY])})
    assert_invalid(raw, "keysets", match="0 of 1 root signatures")


def test_a_grant_that_replay_refused_is_in_no_map():
    world = World().begin()
    event = world.sign_grant()
    world.append(event, cast.BATCH_B)
    size = world.seal(cast.BATCH_B)
    evidence = gather(
        world.made.token, world.archive, court_world.View(world.maps[size]), court_world.View(world.maps[size])
    )
    leaves = [world.leaf(name, size) for name in evidence.names if name in world.maps[size]]
    with pytest.raises(MalformedError):
        bundle.build(evidence, world.first(size, size - 2), world.now(size, size), leaves)
    name = names.grant(cast.GRANT)
    state = honest().maps[20][name].to_json()
    forged = bundle.MapLeaf(name=name, siblings=leaves[0].siblings, state=state)
    raw = bundle.build(evidence, world.first(size, size - 2), world.now(size, size), [*leaves, forged])
    assert_invalid(raw, "map", match=name)


def test_everything_wrong_is_told_and_not_only_the_first_thing():
    world = World().begin()
    offer = msgspec.structs.replace(OFFER, lapse_at=cast.BATCH_A)
    world.force(world.sign_grant(offer, approvers=[cast.STUDIO], acceptors=[]), offer, cast.BATCH_B, level="E2")
    size = world.seal(cast.BATCH_B)
    report = assert_invalid(world.bundle(size, size), "offer", "complete")
    told = " ".join(step.detail for step in report.steps)
    for fault in ("lapsed", "no approval by", "has to accept", "level is not the lowest"):
        assert fault in told


# Papers


def test_openssl_and_sha256sum_run_the_commands_of_the_readme(tmp_path):
    for name, content in container.unpack(granted()).items():
        court_world.write(tmp_path / name, content)
    lines = (tmp_path / "README.txt").read_text(encoding="utf-8").split("\n")
    begin, end = lines.index("    cut -d. -f1-2 grant/token.jwt | tr -d '\\n' > signed.bin"), len(lines)
    inside = itertools.takewhile(lambda line: not line.startswith("That this key"), lines[begin:end])
    commands = ["    sha256sum --check --strict MANIFEST.sha256", *inside]
    script = "set -eu\n" + "\n".join(line.removeprefix("    ") for line in commands)
    assert "sha256sum --check MANIFEST.sha256" in "\n".join(lines)
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Signature Verified Successfully" in done.stdout
    signature = (tmp_path / "signature.bin").read_bytes()
    (tmp_path / "signature.bin").write_bytes(signature[:-1] + bytes([signature[-1] ^ 1]))
    again = script[script.rindex("openssl pkeyutl") :]
    assert subprocess.run(["sh", "-c", again], cwd=tmp_path, capture_output=True, check=False).returncode != 0


class Page(html.parser.HTMLParser):
    def __init__(self, raw):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(raw.decode())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize(
    "make", [lambda raw: container.unpack(raw)["certificate.html"], lambda raw: verify(raw, TRUST).to_html()]
)
def test_pages_fetch_and_run_nothing_and_escape_all_text(make):
    hostile = '"><script>alert(1)</script><img src=https://evil.example/>'
    offer = msgspec.structs.replace(OFFER, models=(hostile,))
    page = Page(make(dishonest(offer=offer)))
    assert hostile in page.text
    assert not {"script", "img", "link", "iframe", "a", "object"} & set(page.tags)
    assert not {"src", "href", "style"} & {name for name in page.attributes if not name.startswith("on")}
    assert not [name for name in page.attributes if name.startswith("on")]


def test_the_certificate_says_what_was_recorded_and_what_is_assumed():
    page = Page(container.unpack(granted())["certificate.html"])
    assert "This registry recorded" in page.text
    for line in papers.ASSUMPTIONS:
        assert line in page.text
    for word in (cast.GRANT, cast.FILM, cast.STUDIO, cast.PUBLISHER, cast.VENDOR, "train.generative", cast.BATCH_B):
        assert word in page.text
    assert "unlawful" not in page.text


# On its own


def test_verification_imports_no_framework_and_nothing_that_could_reach_a_network():
    code = (
        "import sys\n"
        "import priorconsent.court.verify, priorconsent.court.gather\n"
        "assert not {'django', 'rest_framework', 'celery', 'redis', 'httpx2', 'ssl'} & sys.modules.keys()\n"
        "import priorconsent.court.fsck\n"
        "assert not {'django', 'rest_framework', 'celery', 'redis'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
