"""An operator checks a list of share sets before its registrant signs it: what was read is what counts."""

import io
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from priorconsent import canonical, names
from registry.models import Check, Work
from tests.imports.conftest import catalogue
from tests.imports.test_signing import asked, sign_all

SEEN = "committee agreement and deeds, box 12"


@pytest.fixture
def works(cast, importing):
    importing(catalogue(), registrant=cast.studio.party)
    return {number: Work.objects.get(identifiers__scheme="ours", identifiers__value=number).urn for number in "123"}


@pytest.fixture
def listed(cast, works):
    """What the studio signs next: the shares of three works, one of them without a holder."""
    parties = {"Studio A": cast.studio.party, "Studio B": cast.broadcaster.party}
    sign_all(cast, asked(cast, works, parties))
    return asked(cast, works, parties)


@pytest.fixture
def run(tmp_path):
    """The command, on these lines."""

    def run(lines, **options):
        path = tmp_path / "shares.jsonl"
        path.write_bytes(b"\n".join(lines))
        printed = io.StringIO()
        call_command("check_shares", path, **{"seen": SEEN, "stdout": printed} | options)
        return printed.getvalue().splitlines()

    return run


def told(listed):
    return [canonical.encode(one) for one in listed.values()]


def levels(cast, work):
    return sorted(holder.level for holder in cast.state(names.work(work)).holders)


def test_a_list_is_checked_and_then_signed(cast, works, listed, run):
    assert run(told(listed), by="clerk 4") == [
        "checked: 2 share sets, 3 holders",
        "not checked, since they name nobody: 1",
    ]
    assert set(Check.objects.filter(share_set__work__urn__in=works.values()).values_list("seen", "by")) == {
        (SEEN, "clerk 4")
    }
    sign_all(cast, listed)
    assert [levels(cast, works[number]) for number in "123"] == [["E3", "E3"], ["E3"], []]


def test_a_list_is_checked_for_a_holder_whose_documents_were_seen(cast, works, listed, run):
    some = {work: line for work, line in listed.items() if line.body["holders"]}
    assert run(told(some), holder=[f"copyright={cast.studio.party}"]) == ["checked: 2 share sets, 2 holders"]
    sign_all(cast, listed)
    assert levels(cast, works["1"]) == ["E0", "E3"]


def test_what_is_listed_after_the_check_is_still_what_was_checked(cast, works, listed, run):
    run(told(listed))
    parties = {"Studio A": cast.studio.party, "Studio B": cast.broadcaster.party}
    assert asked(cast, works, parties) == listed


def test_another_holder_behind_the_name_is_another_share_set(cast, works, listed, run):
    run(told(listed))
    sign_all(cast, asked(cast, works, {"Studio A": cast.studio.party, "Studio B": cast.stranger.party}))
    assert levels(cast, works["1"]) == ["E0", "E0"]


def changed(line, **members):
    one = json.loads(line)
    return canonical.encode({**one, "body": {**one["body"], **members}})


BREAKS = {
    "says complete": (lambda line: changed(line, complete=True), "line 2, /body: the proposal .* says something else"),
    "names nobody": (lambda line: changed(line, holders=[]), "line 2, /body: the proposal .* says something else"),
    "unknown": (lambda line: changed(line, digest=canonical.digest(b"x")), "line 2, /body/digest: no such proposal"),
    "no list": (lambda line: line[:-1], "line 2: .*list anew"),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_line_that_says_something_else_than_the_proposal_leaves_all_unchecked(cast, works, listed, run, broken):
    make, reason = BREAKS[broken]
    # Complete and with a source that is open is no list line at all, so the source goes too.
    whole, partly = told({number: listed[works[number]] for number in "12"})
    partly = changed(partly, links=[]) if broken == "says complete" else partly
    with pytest.raises(CommandError, match=reason):
        run([whole, make(partly)])
    assert not Check.objects.filter(share_set__work__urn__in=works.values()).exists()


def test_claims_are_not_for_checking(cast, works, run):
    with pytest.raises(CommandError, match="line 1, /type: a statement of type claim; leave out"):
        run(told(asked(cast, works, {})))


def test_a_list_with_nothing_to_check_is_refused(cast, works, listed, run, tmp_path):
    for some in ({}, {"3": listed[works["3"]]}):
        with pytest.raises(CommandError, match="no share set that names a holder"):
            run(told(some))
    with pytest.raises(CommandError, match="No such file"):
        call_command("check_shares", tmp_path / "nowhere.jsonl", seen=SEEN)
    with pytest.raises(CommandError, match="does not name"):
        run(told({"1": listed[works["1"]]}), holder=["copyright"])
