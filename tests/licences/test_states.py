from pathlib import Path

from licences.states import NEXT, TURN, State, diagram, may_follow, page

ROOT = Path(__file__).resolve().parents[2]
FINAL = {State.WITHDRAWN, State.SUPERSEDED, State.DECLINED, State.LAPSED, State.DISCARDED}


def test_every_state_says_what_may_follow_and_whose_turn_it_is():
    assert set(NEXT) == set(TURN) == set(State)


def test_every_state_is_reached_from_the_draft():
    reached, frontier = {State.DRAFT}, [State.DRAFT]
    while frontier:
        new = NEXT[frontier.pop()] - reached
        reached |= new
        frontier += new
    assert reached == set(State)


def test_what_has_ended_never_moves_again_and_nobodys_turn_it_is():
    assert {state for state in State if not NEXT[state]} == FINAL
    assert {state for state in State if TURN[state].who == "nobody"} == FINAL


def test_a_suspended_grant_ends_as_an_active_one_does():
    assert NEXT[State.SUSPENDED] - {State.ACTIVE} == NEXT[State.ACTIVE] - {State.SUSPENDED}


def test_only_an_offer_becomes_a_grant():
    assert {state for state in State if may_follow(state, State.ACTIVE)} == {State.OFFERED, State.SUSPENDED}


def test_every_turn_is_told_in_both_languages():
    assert all(turn.en.endswith(".") and turn.ja.endswith("。") for turn in TURN.values())


def test_the_diagram_shows_every_step_and_no_other():
    steps = {tuple(line.strip().split(" --> ")) for line in diagram().splitlines()[1:]}
    assert {step for step in steps if "[*]" not in step} == {(a, b) for a in State for b in NEXT[a]}


def test_the_page_in_the_documentation_is_the_one_that_the_tables_give():
    assert (ROOT / "docs" / "life.md").read_text(encoding="utf-8") == page()
