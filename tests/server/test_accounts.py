"""People and programs: who may act for whom, and by which key."""

import dataclasses
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from accounts.keys import actor_for_key, create_api_key, revoke_api_key
from accounts.members import add_member
from accounts.models import ApiKey, Membership, User
from priorconsent import times
from priorconsent.errors import MalformedError, NotAllowedError
from registry.actor import Actor

NOW = "2026-11-21T12:00:00Z"
LATER = times.plus(NOW, 3600)
STUDIO = uuid.UUID("5b1c2f0e-1111-4222-8333-944455556666")

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> Membership:
    return add_member("Clerk@Studio.example", Membership.Role.SIGNER, STUDIO)


@pytest.fixture
def operator() -> Membership:
    return add_member("operator@registry.example", Membership.Role.OPERATOR, None)


def key_of(membership: Membership, *scopes: str) -> tuple[ApiKey, str]:
    return create_api_key(membership, label="ingest", scopes=scopes or ["write"], at=NOW)


def test_an_actor_cannot_be_changed():
    actor = Actor(party=STUDIO.urn, role="signer", proof="statement")

    with pytest.raises(dataclasses.FrozenInstanceError):
        actor.role = "operator"  # type: ignore[misc]


def test_a_key_acts_for_the_party_of_its_membership(clerk):
    _, secret = key_of(clerk)

    assert actor_for_key(secret, LATER, scope="write") == Actor(STUDIO.urn, "signer", "api_key", "ingest")


def test_an_operators_key_acts_for_no_party(operator):
    _, secret = key_of(operator, "operate")

    assert actor_for_key(secret, LATER, scope="operate") == Actor(None, "operator", "api_key", "ingest")


def test_the_secret_itself_is_stored_nowhere(clerk):
    key, secret = key_of(clerk)

    row = str(ApiKey.objects.filter(pk=key.pk).values().get())
    assert secret.rsplit("_", 1)[1] not in row


def test_an_unknown_key_is_refused(clerk):
    key, secret = key_of(clerk)
    stranger = f"pc_{key.prefix}_{'0' * 64}"

    for text in (stranger, secret[:-1], secret.upper(), f"{secret} ", "", "pc__", secret.replace("pc_", "pc_0")):
        with pytest.raises(NotAllowedError, match="unknown or has ended"):
            actor_for_key(text, LATER, scope="write")


def test_a_revoked_key_is_refused_and_stays_so(clerk):
    key, secret = key_of(clerk)
    revoke_api_key(key, NOW)
    revoke_api_key(key, LATER)

    key.refresh_from_db()
    assert key.revoked_at == times.parse(NOW)
    with pytest.raises(NotAllowedError, match="unknown or has ended"):
        actor_for_key(secret, LATER, scope="write")


def test_a_key_ends_to_the_second(clerk):
    _, secret = create_api_key(clerk, label="short", scopes=["write"], at=NOW, expires_at=LATER)

    assert actor_for_key(secret, times.plus(LATER, -1), scope="write").party == STUDIO.urn
    with pytest.raises(NotAllowedError, match="unknown or has ended"):
        actor_for_key(secret, LATER, scope="write")


def test_a_key_does_not_act_before_it_was_made(clerk):
    _, secret = key_of(clerk)

    with pytest.raises(NotAllowedError):
        actor_for_key(secret, times.plus(NOW, -1), scope="write")


def test_a_key_of_an_inactive_user_is_refused(clerk):
    _, secret = key_of(clerk)
    User.objects.update(is_active=False)

    with pytest.raises(NotAllowedError, match="unknown or has ended"):
        actor_for_key(secret, LATER, scope="write")


def test_a_key_does_no_more_than_its_scopes_say(clerk):
    _, secret = key_of(clerk, "read")

    with pytest.raises(NotAllowedError, match="no scope write"):
        actor_for_key(secret, LATER, scope="write")


@pytest.mark.parametrize("scopes", [[], ["everything"], ["write", "everything"]])
def test_a_key_needs_scopes_that_exist(clerk, scopes):
    with pytest.raises(MalformedError):
        create_api_key(clerk, label="x", scopes=scopes, at=NOW)


def test_nobody_holds_a_scope_beyond_the_role(clerk):
    with pytest.raises(NotAllowedError, match="signer may not hold the scope operate"):
        key_of(clerk, "operate")


def test_a_key_ends_after_it_begins(clerk):
    with pytest.raises(MalformedError):
        create_api_key(clerk, label="x", scopes=["read"], at=NOW, expires_at=NOW)


def test_the_last_use_is_noted_but_not_at_every_use(clerk):
    key, secret = key_of(clerk)
    uses = [times.plus(NOW, seconds) for seconds in (0, 60, 599, 601)]
    noted = []
    for at in uses:
        actor_for_key(secret, at, scope="write")
        key.refresh_from_db()
        noted.append(key.last_used_at)

    assert noted == [times.parse(at) for at in (uses[0], uses[0], uses[0], uses[3])]


def test_an_address_is_one_person_in_any_case(clerk):
    again = add_member("clerk@studio.EXAMPLE", Membership.Role.SIGNER, STUDIO)

    assert again == clerk
    assert User.objects.get_by_natural_key("CLERK@studio.example") == clerk.user
    assert not clerk.user.has_usable_password()


def test_what_is_no_address_makes_no_user():
    with pytest.raises(MalformedError):
        add_member("nobody", Membership.Role.MEMBER, STUDIO)
    assert not User.objects.exists()


@pytest.mark.parametrize(("role", "party"), [("operator", STUDIO), ("signer", None), ("king", STUDIO)])
def test_the_table_itself_refuses_an_operator_of_a_party_and_a_signer_of_none(clerk, role, party):
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(user=clerk.user, role=role, party=party)


def test_a_membership_exists_once(clerk, operator):
    for one in (clerk, operator):
        with pytest.raises(IntegrityError), transaction.atomic():
            Membership.objects.create(user=one.user, role=one.role, party=one.party)


def test_the_commands_make_an_operator_and_a_key_that_works(capsys):
    call_command("create_operator", "op@registry.example")
    capsys.readouterr()
    options = ["--role=operator", "--scope=operate", "--label=console", "--days=1"]
    call_command("create_api_key", "op@registry.example", *options)
    secret = capsys.readouterr().out.strip()

    assert actor_for_key(secret, times.now(), scope="operate").role == "operator"
    assert Membership.objects.count() == 1


def test_a_command_refuses_in_one_sentence():
    with pytest.raises(CommandError, match="a member may not hold the scope write"):
        call_command(
            "create_api_key", "m@studio.example", "--role=member", f"--party={STUDIO.urn}", "--scope=write", "--label=x"
        )
    with pytest.raises(CommandError, match="operators act for no party"):
        call_command("create_api_key", "m@studio.example", "--role=signer", "--scope=write", "--label=x")


def test_a_key_ends_by_its_beginning_and_a_user_who_left_by_the_address(clerk, capsys):
    (first, secret), (_, other), (_, third) = key_of(clerk), key_of(clerk), key_of(clerk)
    call_command("revoke_api_key", secret)
    assert capsys.readouterr().out == f"ended: {first.label}, of clerk@studio.example\n"
    assert ended(secret)
    assert not ended(other)
    call_command("revoke_api_key", other[: len("pc_") + 12])
    assert (ended(other), ended(third)) == (True, False)
    call_command("revoke_api_key", "Clerk@studio.example")
    assert ended(third)


@pytest.mark.parametrize("text", ["pc_000000000000", "nobody@studio.example", "pc_", "", "pc_0000000000001"])
def test_a_key_that_is_not_there_is_told(clerk, text):
    _, secret = key_of(clerk)
    with pytest.raises(CommandError, match="no API key begins with"):
        call_command("revoke_api_key", text)
    assert not ended(secret)


def ended(secret: str) -> bool:
    try:
        actor_for_key(secret, NOW, scope="write")
    except NotAllowedError:
        return True
    return False
