"""Authorities are asked about published checkpoints; what they answer is verified, kept as it came, and given on."""

import itertools

import pytest

from priorconsent import times, timestamps
from tests.dripping import DRIPPING, HEADERS, server
from tests.transparency.cast import DAY_1, DAY_2, STUDIO
from tests.tsa import make_authority, serving
from transparency import sequencer
from transparency import timestamps as asking
from transparency.files import public_folder
from transparency.models import Alarm, Checkpoint, TimeStamp
from transparency.proofs import published
from transparency.store import own_trust
from transparency.timestamps import stamp_due, stamped

EVERY_S = 3600


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture
def asked(settings, authority):
    """The registry asks one authority, whose clock is that of the test: the times at which it was asked."""
    times_asked: list[str] = []

    def answer(query):
        return authority.answer_at(query, times.parse(times_asked[-1]))

    with serving(answer) as url:
        settings.PRIORCONSENT_TSA_URLS = (url,)
        settings.PRIORCONSENT_TSA_CA = (authority.root,)
        yield times_asked


def stamp(asked, at):
    asked.append(at)
    stamp_due(at)


def grow(cast, at):
    cast.party(STUDIO).append()
    sequencer.run(at)


def test_a_published_checkpoint_is_stamped_and_the_stamp_is_for_everybody(cast, asked, authority):
    stamp(asked, DAY_1)
    row = TimeStamp.objects.get()
    text = bytes(published().note or b"")
    [file] = (public_folder() / "timestamps" / str(row.checkpoint_id)).iterdir()
    assert file.read_bytes() == bytes(row.token)
    found = timestamps.check(file.read_bytes(), text.partition(b"\n\n")[0] + b"\n", [authority.root])
    assert found.time == row.time == DAY_1


def test_the_trust_file_names_the_authorities(cast, asked, authority):
    assert own_trust().tsa_ca == (authority.root,)


def test_an_authority_is_not_asked_again_before_its_time(cast, asked):
    stamp(asked, DAY_1)
    grow(cast, times.plus(DAY_1, 10))
    stamp(asked, times.plus(DAY_1, EVERY_S - 1))
    assert TimeStamp.objects.count() == 1
    stamp(asked, times.plus(DAY_1, EVERY_S))
    assert TimeStamp.objects.count() == 2


def test_the_same_checkpoint_is_not_stamped_twice(cast, asked):
    stamp(asked, DAY_1)
    stamp(asked, DAY_2)
    assert TimeStamp.objects.count() == 1


def test_the_earliest_stamp_that_covers_a_checkpoint_is_given_on(cast, asked):
    first = published()
    stamp(asked, DAY_1)
    grow(cast, DAY_2)
    second = published()
    assert stamped(second) is None
    stamp(asked, DAY_2)
    for checkpoint in (first, second):
        found = stamped(checkpoint)
        assert found is not None
        assert b"\n%d\n" % checkpoint.size in found.text
        assert len(found.tokens) == 1


@pytest.mark.parametrize("answer", [lambda _: b"", lambda _: b"no", lambda query: query])
def test_a_bad_answer_is_not_kept_and_raises_an_alarm(cast, settings, authority, answer):
    with serving(answer) as url:
        settings.PRIORCONSENT_TSA_URLS, settings.PRIORCONSENT_TSA_CA = (url,), (authority.root,)
        stamp_due(DAY_1)
    assert TimeStamp.objects.count() == 0
    assert url in Alarm.objects.get(code="not_stamped").detail


@pytest.mark.parametrize(
    ("first", "more"),
    [DRIPPING["headers"], (HEADERS + b"\r\n", itertools.repeat(bytes(1 << 16)))],
    ids=["slowly", "without end"],
)
def test_an_authority_that_never_ends_is_left(cast, settings, authority, monkeypatch, first, more):
    monkeypatch.setattr(asking, "ANSWER_S", 1)
    with server(first, more) as url:
        settings.PRIORCONSENT_TSA_URLS, settings.PRIORCONSENT_TSA_CA = (url,), (authority.root,)
        stamp_due(DAY_1)
    assert TimeStamp.objects.count() == 0
    assert url in Alarm.objects.get(code="not_stamped").detail


def test_a_stamp_by_a_stranger_is_not_kept(cast, asked, settings, tmp_path):
    settings.PRIORCONSENT_TSA_CA = (make_authority(tmp_path / "stranger").root,)
    stamp(asked, DAY_1)
    assert TimeStamp.objects.count() == 0
    assert Alarm.objects.filter(code="not_stamped").count() == 1


def test_while_one_authority_is_silent_the_other_still_stamps(cast, asked, settings):
    with serving(lambda _: b"") as gone:
        pass
    settings.PRIORCONSENT_TSA_URLS = (gone, *settings.PRIORCONSENT_TSA_URLS)
    stamp(asked, DAY_1)
    assert TimeStamp.objects.count() == 1
    assert "does not answer" in Alarm.objects.get(code="not_stamped").detail


def test_what_is_not_published_is_not_stamped(cast, asked):
    Checkpoint.objects.update(published=False)
    stamp(asked, DAY_1)
    assert TimeStamp.objects.count() == 0
