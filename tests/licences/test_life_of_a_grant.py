from licences.states import State


def test_x(cast):
    offer = cast.grant_at(State.ACTIVE)
    assert offer.state == "active"
    assert cast.grant_state(offer).level == "E3"
