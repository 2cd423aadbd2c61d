"""What time-stamp authorities saw: it narrows what a bundle can speak of, and shows a registry that dates ahead."""

import pytest

from priorconsent import times
from priorconsent.court.verify import verify
from priorconsent.errors import MalformedError
from tests import scenario as cast
from tests.court_world import granted, honest, repack
from tests.tsa import make_authority

FIRST, LAST = 20, 22
STAMPED = times.plus(cast.BATCH_B, 90)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("tsa") / "two", "Stranger")


def stamped(*stamps, size=FIRST):
    """The bundle of scenario 1 with stamps: each an authority and a time."""
    tokens = [lambda text, one=one, at=at: one.stamp(text, times.parse(at)) for one, at in stamps]
    return honest().bundle(FIRST, LAST, FIRST - 2, honest().stamped(FIRST, size, *tokens))


def seen_by(raw, *authorities, at=cast.BATCH_C):
    return verify(raw, cast.trust(tsa_ca=tuple(sorted(one.root for one in authorities))), at=at)


def step(report, code):
    return next(step for step in report.steps if step.code == code)


def test_a_stamp_of_a_trusted_authority_is_told(authority):
    report = seen_by(stamped((authority, STAMPED)), authority)
    assert report.outcome == "valid"
    assert f"seen by {STAMPED}" in step(report, "stamps").detail


def test_a_bundle_speaks_of_no_instant_before_the_stamp(authority):
    raw = stamped((authority, STAMPED))
    assert seen_by(raw, authority, at=STAMPED).outcome == "valid"
    assert seen_by(raw, authority, at=times.plus(STAMPED, -1)).outcome == "inconclusive"


def test_the_earliest_stamp_counts(authority, stranger):
    raw = stamped((authority, times.plus(STAMPED, 600)), (stranger, STAMPED))
    assert seen_by(raw, authority, stranger, at=STAMPED).outcome == "valid"


def test_a_stamp_on_a_later_checkpoint_counts_for_the_first_one(authority):
    report = seen_by(stamped((authority, cast.BATCH_C), size=LAST), authority)
    assert (report.outcome, step(report, "stamps").ok) == ("valid", True)


def test_who_asks_for_a_stamp_and_finds_none_has_no_conclusive_evidence(authority, stranger):
    for raw in (granted(), stamped((stranger, STAMPED))):
        report = seen_by(raw, authority, at=cast.BATCH_B)
        assert (report.outcome, report.permitted, report.decisions) == ("inconclusive", False, {})


def test_who_trusts_no_authority_is_told_that_stamps_were_not_looked_at(authority):
    report = verify(stamped((authority, STAMPED)), cast.trust())
    assert report.outcome == "valid"
    assert "names no authority" in step(report, "stamps").detail


def test_a_registry_that_dated_ahead_is_found_out(authority):
    report = seen_by(stamped((authority, times.plus(cast.BATCH_B, -301))), authority)
    assert (report.outcome, step(report, "stamps").ok) == ("invalid", False)
    assert "dated" in step(report, "stamps").detail


def test_a_stamp_over_another_text_does_not_count(authority):
    good = stamped((authority, STAMPED))
    elsewhere = authority.stamp(b"something else", times.parse(STAMPED))
    report = seen_by(repack(good, {"tsr/0.tsr": elsewhere}), authority)
    assert report.outcome == "inconclusive"


def test_a_stamped_checkpoint_that_does_not_continue_the_first_is_refused(authority):
    other = honest().stamped(FIRST, FIRST).text.replace(b"\n20\n", b"\n19\n")
    for text in (other, other.replace(b"/1\n", b"/2\n").replace(b"\n19\n", b"\n20\n")):
        raw = repack(
            stamped((authority, STAMPED)),
            {"tsr/checkpoint": text, "tsr/0.tsr": authority.stamp(text, times.parse(STAMPED))},
        )
        report = seen_by(raw, authority)
        assert (report.outcome, step(report, "stamps").ok) == ("invalid", False)


@pytest.mark.parametrize("name", ["tsr/checkpoint", "tsr/consistency", "tsr/0.tsr"])
def test_stamps_come_with_all_that_they_need(authority, name):
    report = seen_by(repack(stamped((authority, STAMPED)), {name: None}), authority)
    assert (report.outcome, step(report, "archive").ok) == ("invalid", False)


def test_a_bundle_holds_no_more_than_eight_stamps(authority):
    with pytest.raises(MalformedError, match="1 to 8"):
        stamped(*[(authority, STAMPED)] * 9)


def test_the_readme_of_a_stamped_bundle_says_how_openssl_checks_it(authority, tmp_path):
    import subprocess
    import zipfile

    (tmp_path / "bundle.zip").write_bytes(stamped((authority, STAMPED)))
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        archive.extractall(tmp_path)
    (tmp_path / "AUTHORITY.pem").write_text(authority.root)
    [command] = [line for line in (tmp_path / "README.txt").read_text().splitlines() if "openssl ts" in line]
    ran = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Verification: OK" in ran.stdout
