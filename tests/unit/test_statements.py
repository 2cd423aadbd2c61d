"""A statement is one act of one party: what it may say of itself, and under which key it counts."""

from typing import Any, get_args

import pytest

from priorconsent import canonical, times
from priorconsent.errors import MalformedError, NotAvailableError, SignatureError
from priorconsent.records import convert
from priorconsent.statements import (
    DECIDING,
    MAX_VALIDITY_S,
    NARROWING,
    WIDENING,
    Signed,
    Statement,
    Type,
    body_of,
    sign,
)
from tests.world import END, MANGA, OTHER_VENDOR, PUBLISHER, START, STRANGER, STUDIO, World, file, key, salt, uid

BODY = {"name": file("a"), "work": MANGA, "party": STUDIO, "ended": False}


def statement(kind="claim", **members):
    body = {} if kind in {"approval", "acceptance", "withdrawal", "pause", "resume"} else BODY
    plain = {
        "v": 1,
        "type": kind,
        "registry": file("registry"),
        "party": STUDIO,
        "by": STUDIO,
        "key": file("key"),
        "subject": canonical.digest(canonical.encode(body)),
        "decision": "approve" if kind in DECIDING else None,
        "rights": [],
        "shown": None,
        "at": START,
        "not_after": None if kind in NARROWING else times.plus(START, 60),
        "nonce": salt("n"),
        "body": body,
    }
    return convert(plain | members, Statement)


def test_every_type_widens_or_narrows_and_not_both():
    assert set(get_args(Type)) == WIDENING | NARROWING
    assert not WIDENING & NARROWING


@pytest.mark.parametrize("kind", sorted(WIDENING | NARROWING))
def test_every_type_has_a_form_that_passes(kind):
    statement(kind).check()


FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "a decision where none belongs": ("claim", {"decision": "approve"}),
    "no decision where one belongs": ("approval", {"decision": None}),
    "an acceptance with rights": ("acceptance", {"rights": ["copyright"]}),
    "a body where none belongs": ("approval", {"body": BODY}),
    "a subject that is not its body": ("claim", {"subject": file("else")}),
    "a widening act that never lapses": ("claim", {"not_after": None}),
    "one that lapses when it begins": ("claim", {"not_after": START}),
    "one of more than 400 days": ("claim", {"not_after": times.plus(START, MAX_VALIDITY_S + 1)}),
    "a refusal that lapses": ("refusal", {"not_after": END}),
    "a withdrawal that lapses": ("withdrawal", {"not_after": END}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_statement_does_not_contradict_itself(fault):
    kind, members = FAULTS[fault]
    with pytest.raises(MalformedError):
        statement(kind, **members).check()
    with pytest.raises(MalformedError):
        sign(statement(kind, **members), key("any"))


def test_400_days_are_allowed():
    statement(not_after=times.plus(START, MAX_VALIDITY_S)).check()


def test_who_signs_for_another_waits_for_mandates():
    with pytest.raises(NotAvailableError, match="mandates"):
        statement(by=STRANGER).check()


def test_a_passkey_waits():
    with pytest.raises(NotAvailableError, match="passkey"):
        Signed(b'{"type":"passkey"}')


def test_the_key_record_is_the_one_that_the_statement_names():
    world = World(cast=[STUDIO, PUBLISHER])
    digest = world.sign("refusal", STUDIO, canonical.digest(canonical.encode(BODY)), body=BODY)
    signed = Signed(world.proofs[digest])
    own, other = (world.records[world.key_of(party)] for party in (STUDIO, PUBLISHER))
    signed.verify(own, world.keyset, START)
    with pytest.raises(SignatureError, match="not the one"):
        signed.verify(other, world.keyset, START)


@pytest.mark.parametrize("what", ["party", "registry of the record", "registry of the statement"])
def test_a_key_counts_for_its_party_and_registry_alone(what):
    world = World(cast=[STUDIO])
    party, registry = STUDIO, None
    members: dict[str, Any] = {}
    if what == "party":
        party = PUBLISHER
    elif what == "registry of the record":
        registry = file("staging")
    else:
        members = {"registry": file("staging")}
    key_id = world.make_record(party, "other", registry=registry)
    digest = world.sign(
        "claim", STUDIO, canonical.digest(canonical.encode(BODY)), body=BODY, with_key=key_id, **members
    )
    with pytest.raises(SignatureError, match="another party or registry"):
        Signed(world.proofs[digest]).verify(world.records[key_id], world.keyset, START)


def test_an_account_key_is_one_of_the_registrys():
    world = World()
    for label, allowed in (("account", True), ("log", False), ("thief", False)):
        key_id = world.make_record(STUDIO, f"{label} of the studio", "account")
        record = world.records[key_id]
        if not allowed:
            record = convert({**record.to_json(), "jwk": key(label).jwk.to_json()}, type(record))
            world.keys[record.key_id] = key(label)
        digest = world.sign(
            "claim", STUDIO, canonical.digest(canonical.encode(BODY)), body=BODY, with_key=record.key_id
        )
        signed = Signed(world.proofs[digest])
        if allowed:
            signed.verify(record, world.keyset, START)
            continue
        with pytest.raises(SignatureError, match="account key"):
            signed.verify(record, world.keyset, START)


def test_every_byte_of_a_statement_counts():
    world = World(cast=[STUDIO])
    raw = world.proofs[world.sign("claim", STUDIO, canonical.digest(canonical.encode(BODY)), body=BODY)]
    record = world.records[world.key_of(STUDIO)]
    for at in range(len(raw)):
        changed = raw[:at] + (b"A" if raw[at : at + 1] != b"A" else b"B") + raw[at + 1 :]
        with pytest.raises((MalformedError, SignatureError, NotAvailableError)):
            Signed(changed).verify(record, world.keyset, START)


def test_a_body_leaves_out_what_only_the_registry_adds():
    event = {
        "t": "share-set",
        "time": START,
        "statements": [file("s")],
        "holders": [
            {"level": "E3", "party": STUDIO, "right": "copyright"},
            {"level": "E1", "party": OTHER_VENDOR, "right": "copyright"},
        ],
        "links": [],
        "counts_from": START,
        "ends_at": START,
        "proof": "x",
        "level": "E3",
        "work": MANGA,
    }
    body = body_of(event)
    assert body.keys() == {"holders", "links", "work"}
    assert body["holders"] == canonical.sorted_set(
        {"party": party, "right": "copyright"} for party in (STUDIO, OTHER_VENDOR)
    )
    assert body_of({**event, "level": "E0", "time": END}) == body
    assert body_of({**event, "work": uid("else")}) != body
