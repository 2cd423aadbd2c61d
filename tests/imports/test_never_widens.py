"""A catalogue is nobody's signature: whatever a later version says, no consent becomes wider by it."""

import pytest
from django.apps import apps

from licences.states import State
from licences.verbs.issue import is_signed, issue_all_ready
from priorconsent import names
from registry.models import Identifier, ShareSet, Work
from tests.cast import OPERATOR
from tests.imports.conftest import LATER, TOUCHED, catalogue

APPS = frozenset({"accounts", "licences", "registry", "transparency"})
FIRST = "1,movie,映画,,2024,©A・B・C,Studio|Broadcaster|Toy Maker,,Manga"
# Fewer holders, no source, another title: what would make a yes easier, if anybody believed it.
LATER_ROW = "1,movie,映画 完全版,,2024-05-03,©A,Studio,,Original"


@pytest.fixture
def film(cast, importing):
    """The film that the cast holds, told by a catalogue too."""
    work = Work.objects.get(urn=cast.works["film"])
    Identifier.objects.create(work=work, scheme="ours", value="1")
    importing(catalogue(FIRST), registrant=cast.studio.party)
    return work


def everything_signed():
    """All rows but those that catalogues are for, and of works what the log knows too."""
    models = [model for model in apps.get_models() if model._meta.app_label in APPS and model not in TOUCHED]
    rows = {model: sorted(model._base_manager.values_list(), key=repr) for model in models}
    assert ShareSet in rows
    return rows | {Work: sorted(Work.objects.values_list("urn", "kind", "registrant", "claim"))}


def test_claims_shares_offers_and_grants_stay_to_the_byte(cast, film, importing):
    granted = cast.grant_at(State.ACTIVE)
    cast.grant_at(State.OFFERED, approved_by=[cast.studio])
    before, state = everything_signed(), cast.grant_state(granted)
    summary = importing(catalogue(LATER_ROW), registrant=cast.studio.party, now=LATER)
    assert summary.changed == 1
    assert film.titles.filter(text="映画 完全版").exists()
    assert everything_signed() == before
    cast.log()
    assert cast.grant_state(granted) == state
    assert len(cast.state(names.work(film.urn)).holders) == len(cast.holders) - 1


def test_an_offer_still_waits_for_a_holder_whom_the_catalogue_leaves_out(cast, film, importing):
    others = [holder for holder in cast.holders if holder != cast.broadcaster]
    offer = cast.accept(cast.grant_at(State.OFFERED, approved_by=others))
    importing(catalogue(LATER_ROW), registrant=cast.studio.party, now=LATER)
    assert not is_signed(offer, cast.now)
    assert issue_all_ready(OPERATOR, cast.now) == []
    cast.approve(offer, cast.broadcaster)
    assert issue_all_ready(OPERATOR, cast.now) == [offer.grant]


def test_a_grant_that_is_withdrawn_stays_withdrawn(cast, film, importing):
    offer = cast.grant_at(State.WITHDRAWN)
    before = cast.grant_state(offer)
    importing(catalogue(LATER_ROW), registrant=cast.studio.party, now=LATER)
    cast.log()
    assert cast.grant_state(offer) == before
    assert before.life[-1].s == "withdrawn"


def test_a_proposal_that_waits_for_signatures_is_not_rewritten(cast, film, importing):
    row = cast.propose(
        "film", [("copyright", cast.studio), ("copyright", cast.broadcaster)], [("based_on", "manga")], by=cast.studio
    )
    before = bytes(row.document)
    importing(catalogue(LATER_ROW), registrant=cast.studio.party, now=LATER)
    assert bytes(ShareSet.objects.get(pk=row.pk).document) == before
