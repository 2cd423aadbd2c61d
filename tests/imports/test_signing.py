"""Imported works enter the log when their registrant signs, one by one or as a list."""

import io
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from priorconsent import names
from priorconsent.errors import NotAllowedError
from registry.imports.signing import to_sign
from registry.models import ShareSet, Work
from registry.verbs.register_work import register_work
from registry.verbs.sign_shares import sign_shares
from tests.imports.conftest import LATER, ROWS, catalogue

VERBS = {"claim": register_work, "shares": sign_shares}


@pytest.fixture
def works(cast, importing):
    importing(catalogue(), registrant=cast.studio.party)
    return {number: Work.objects.get(identifiers__scheme="ours", identifiers__value=number).urn for number in "123"}


def asked(cast, works, parties):
    return {one.work: one for one in to_sign(cast.studio.actor, cast.studio.party, works.values(), parties, cast.now)}


def sign_all(cast, listed):
    for one in listed.values():
        VERBS[one.type](cast.studio.actor, cast.sign(cast.studio, one.type, one.body), cast.now)
    cast.log()


def test_a_list_of_works_is_claimed_then_shared_and_complete_only_if_everybody_and_every_source_is_known(cast, works):
    parties = {"Studio A": cast.studio.party, "Studio B": cast.broadcaster.party}
    claims = asked(cast, works, parties)
    assert {one.type for one in claims.values()} == {"claim"}
    sign_all(cast, claims)
    shares = asked(cast, works, parties)
    assert asked(cast, works, parties) == shares
    sign_all(cast, shares)
    states = {number: cast.state(names.work(urn)) for number, urn in works.items()}
    assert {number: state.complete for number, state in states.items()} == {"1": True, "2": False, "3": False}
    assert {holder.party for holder in states["1"].holders} == {cast.studio.party, cast.broadcaster.party}
    assert [(link.rel, link.work) for link in states["2"].links] == [("based_on", None)]
    assert asked(cast, works, parties) == {}


def test_a_holder_who_is_only_a_name_leaves_the_set_incomplete(cast, works):
    parties = {"Studio A": cast.studio.party}
    sign_all(cast, asked(cast, works, parties))
    shares = asked(cast, works, parties)[works["1"]]
    assert shares.nobody == ("Studio B",)
    assert shares.body["complete"] is False


def test_a_later_catalogue_changes_nothing_that_was_logged(cast, works, importing):
    parties = {"Studio A": cast.studio.party, "Studio B": cast.broadcaster.party}
    for _ in ("claims", "shares"):
        sign_all(cast, asked(cast, works, parties))
    before = {urn: cast.state(names.work(urn)) for urn in works.values()}
    fewer = [ROWS[0].replace("|Studio B", "").replace("|40%", ""), ROWS[1].replace("Manga", "Original"), ROWS[2]]
    assert importing(catalogue(*fewer), registrant=cast.studio.party, now=LATER).changed == 2
    cast.log()
    assert {urn: cast.state(names.work(urn)) for urn in works.values()} == before
    assert asked(cast, works, parties) == {}
    assert not ShareSet.objects.filter(state=ShareSet.State.PROPOSED).exists()


def test_nobody_lists_what_another_signs(cast, works):
    with pytest.raises(NotAllowedError):
        list(to_sign(cast.stranger.actor, cast.studio.party, works.values(), {}, cast.now))


def test_the_commands_import_list_and_report(cast, importing):
    path = importing.write("c.csv", catalogue(*ROWS, "4,opera,x,,,,,,"))
    importing(catalogue(), dry=True)
    report = path.with_suffix(".jsonl")
    with pytest.raises(CommandError, match="nothing was stored"):
        call_command(
            "import_works",
            path,
            map=str(path.parent / "map.toml"),
            registrant=cast.studio.party,
            report=report,
            stdout=io.StringIO(),
        )
    assert json.loads(report.read_text())["line"] == 5
    importing(catalogue(), registrant=cast.studio.party)
    output = io.StringIO()
    call_command("works_to_sign", registrant=cast.studio.party, stdout=output)
    listed = [json.loads(line) for line in output.getvalue().splitlines()]
    assert [one["type"] for one in listed if one["title"] in {"風の町", "海の声"}] == ["claim"] * 3
