"""Promise 3 at a running registry: whoever has SQL, the disk and even the registry's keys gets no yes.

Each cheat wants a yes that not everybody signed, or one that has ended. Whatever it does, the server that
answers from what is published says no or refuses to answer, and the operator's alarm or the auditor tells.
"""

import contextlib
import json
import os
import shutil
import sqlite3
from types import SimpleNamespace

import pytest
from django.db import transaction

from licences.models import Approval, Grant, Need, Offer
from licences.states import State
from licences.verbs.issue import issue_all_ready
from licences.verbs.withdraw import withdraw_grant
from priorconsent import canonical, grants, names
from priorconsent.court.fsck import fsck
from priorconsent.court.published import Folder
from priorconsent.court.report import Exit
from priorconsent.court.verify import verify
from priorconsent.errors import ConflictError, NotTrustedError, PriorConsentError
from priorconsent.merkle_map import map_key, value_hash
from priorconsent.offers import read_offer
from priorconsent.snapshot import open_verified
from priorconsent.states import read_state
from priorconsent.trust import read_trust
from registry.models import ShareSet
from registry.verbs.claim_name import claim_name
from tests.api.conftest import client_at
from tests.cast import FILM_FILE, OPERATOR
from tests.promises.asking import Told, ask
from transparency.append import append
from transparency.followers import run_followers
from transparency.models import Alarm, Blob, Event, EvidenceItem, MapLeaf, Pending, Spent
from transparency.sequencer import sweep
from transparency.signers import signer
from transparency.store import own_trust

YES = Told("permitted", "granted")


def alarms():
    return set(Alarm.objects.values_list("code", flat=True))


def audit(folder):
    return fsck(Folder(folder / "public"), read_trust((folder / "trust.json").read_bytes()))


def try_everything(cast):
    """Whatever the server does by itself, by request or by the clock, until nothing is left to do."""
    for _ in range(2):
        for due in (lambda: issue_all_ready(OPERATOR, cast.now), lambda: sweep(cast.now)):
            with contextlib.suppress(PriorConsentError):
                due()
        run_followers()
        # Long enough for a sign of life of the log, and not so long that what was published is stale.
        cast.wait(30_000)


def test_without_a_cheat_it_is_a_yes(cast, folder):
    cast.grant_at(State.ACTIVE)
    cast.publish()

    assert ask(cast) == YES
    assert (alarms(), audit(folder).exit_code) == (set(), Exit.PERMITTED)


# The publisher of the original has not agreed


def row_of(cast, offer, raw, **other):
    """An approval in the publisher's name, as a row."""
    told = {"key": cast.publisher.key_id, "digest": canonical.digest(raw), "raw": raw, "decision": "approve"}
    Approval.objects.create(
        offer=offer, party=cast.publisher.party, not_after="2028-01-01T00:00:00Z", received_at=cast.now, **told | other
    )


def approval(cast, offer, signer, **other):
    members = {"subject": offer.digest, "decision": "approve", "rights": ["copyright"], **other}
    return cast.sign(signer, "approval", **members)


def somebody_elses_approval(cast, offer):
    row_of(cast, offer, approval(cast, offer, cast.studio))


def a_forged_signature(cast, offer):
    """The publisher's key id over a signature by another key."""
    forger = SimpleNamespace(
        party=cast.publisher.party, key_id=cast.publisher.key_id, key=cast.another_key(cast.studio).key
    )
    row_of(cast, offer, approval(cast, offer, forger))


def an_approval_of_another_offer(cast, offer):
    other = cast.offer(territory=["FR"])
    row_of(cast, offer, approval(cast, other, cast.publisher))


def a_decline_turned_round(cast, offer):
    row_of(cast, offer, approval(cast, offer, cast.publisher, decision="decline", rights=[]))


def an_approval_without_the_right(cast, offer):
    row_of(cast, offer, approval(cast, offer, cast.publisher, rights=["mark"]))


def whoever_is_needed_deleted(cast, offer):
    Need.objects.filter(offer=offer, party=cast.publisher.party).delete()


def the_holder_deleted_from_the_map(cast, offer):
    row = MapLeaf.objects.get(name=names.work(cast.works["manga"]))
    state = json.loads(bytes(row.state)) | {"holders": []}
    MapLeaf.objects.filter(pk=row.pk).update(state=canonical.encode(state))


def the_link_deleted_from_the_map(cast, offer):
    row = MapLeaf.objects.get(name=names.work(cast.works["film"]))
    raw = canonical.encode(json.loads(bytes(row.state)) | {"links": []})
    MapLeaf.objects.filter(pk=row.pk).update(state=raw, value=value_hash(raw))


def the_share_set_rewritten(cast, offer):
    for row in ShareSet.objects.filter(work__urn=cast.works["film"]):
        document = json.loads(bytes(row.document)) | {"links": []}
        ShareSet.objects.filter(pk=row.pk).update(document=canonical.encode(document))


def the_offer_rewritten(cast, offer):
    raw = canonical.encode(json.loads(bytes(offer.raw)) | {"works": [cast.works["manga"]]})
    Offer.objects.filter(pk=offer.pk).update(raw=raw)


def the_row_moved_to_active(cast, offer):
    Offer.objects.filter(pk=offer.pk).update(state=State.ACTIVE)


def signed_by_the_registry(cast, offer, missing=None):
    """A token that the registry's own grant key signed, citing what there is."""
    terms = json.loads(bytes(offer.raw))
    cited = [grants.Evidence(type="approval", digest=row.digest) for row in offer.approvals.all()]
    cited += [grants.Evidence(type="approval", digest=missing)] if missing else []
    cited.append(grants.Evidence(type="acceptance", digest=offer.acceptance.digest))
    key = signer("grant")
    token = grants.sign(grants.credential(read_offer(bytes(offer.raw)), cited), key.kid, key.sign)
    event = {
        "t": "grant",
        "grant": offer.grant,
        "digest": canonical.digest(token),
        "offer": offer.digest,
        "works": terms["works"],
        "valid_from": None,
        "valid_until": terms["valid_until"],
        "method": "key",
        "level": "E3",
    }
    return token, event, {canonical.digest(token): token, offer.digest: bytes(offer.raw)}


def log_it(offer, signed, **more):
    """By the door of the log, with all evidence that there is."""
    _, event, blobs = signed
    evidence = {row.digest: bytes(row.raw) for row in (*offer.approvals.all(), offer.acceptance)}
    with transaction.atomic():
        append(event, blobs=blobs, evidence=evidence | more)


def a_token_of_the_operators_own(cast, offer):
    """All of the registry's keys, the door of the log included."""
    log_it(offer, signed_by_the_registry(cast, offer))


def a_token_that_cites_the_studio_twice(cast, offer):
    raw = approval(cast, offer, cast.studio)
    log_it(offer, signed_by_the_registry(cast, offer, canonical.digest(raw)), **{canonical.digest(raw): raw})


def a_token_that_cites_what_nobody_has(cast, offer):
    log_it(offer, signed_by_the_registry(cast, offer, canonical.digest(b"nothing")))


def a_draft_put_among_those_that_wait(cast, offer):
    _, event, blobs = signed_by_the_registry(cast, offer)
    Blob.objects.bulk_create(Blob(digest=digest, raw=raw) for digest, raw in blobs.items())
    cast.refuse(cast.stranger)
    row = Pending.objects.get(state="pending")
    Pending.objects.create(unit=row.unit, place=1, draft=canonical.encode(event), seal=row.seal)


def an_event_put_behind_the_last(cast, offer):
    _, event, _ = signed_by_the_registry(cast, offer)
    last = Event.objects.latest("pos")
    raw = canonical.encode(event | {"time": cast.now})
    Event.objects.create(pos=last.pos + 1, raw=raw, t="grant", time=cast.now)
    cast.refuse(cast.stranger)


def a_grant_put_into_the_map(cast, offer):
    add_to_map(cast, offer, MapLeaf.objects.create)


def add_to_map(cast, offer, create):
    _, event, _ = signed_by_the_registry(cast, offer)
    life = [{"s": "active", "pos": 1, "time": cast.now, "ends_at": None, "cause": None}]
    members = {name: event[name] for name in ("digest", "method", "level", "valid_from", "valid_until")}
    state = members | {"offer_digest": offer.digest, "terms": json.loads(bytes(offer.raw)), "life": life, "pos": 1}
    raw, name = canonical.encode(state), names.grant(offer.grant)
    read_state(name, raw)
    key = map_key(name)
    create(key=key, name=name, bucket=int.from_bytes(key[:2], "big"), state=raw, value=value_hash(raw), pos=1)


WITHOUT_THE_PUBLISHER = {
    somebody_elses_approval: {"database_changed"},
    a_forged_signature: {"database_changed"},
    an_approval_of_another_offer: {"database_changed"},
    a_decline_turned_round: {"database_changed"},
    # The registry's own rehearsal says no before its key signs anything.
    an_approval_without_the_right: {"not_signed"},
    # The rows decide nothing here: whose yes is needed is computed from the map again.
    whoever_is_needed_deleted: set(),
    the_holder_deleted_from_the_map: {"database_changed"},
    the_link_deleted_from_the_map: {"database_changed"},
    the_share_set_rewritten: set(),
    the_offer_rewritten: set(),
    the_row_moved_to_active: set(),
    a_token_of_the_operators_own: {"unit_refused"},
    a_token_that_cites_the_studio_twice: {"unit_refused"},
    a_token_that_cites_what_nobody_has: {"unit_refused"},
    a_draft_put_among_those_that_wait: {"unit_refused"},
    an_event_put_behind_the_last: {"database_changed"},
    a_grant_put_into_the_map: {"database_changed"},
}


@pytest.mark.parametrize("cheat", WITHOUT_THE_PUBLISHER)
def test_without_the_publisher_of_the_original_there_is_no_yes(cast, folder, cheat):
    offer = cast.grant_at(State.OFFERED, approved_by=cast.holders[:-1])
    cast.accept(offer)
    cast.publish()
    assert ask(cast) == Told("not_permitted", "no_grant")

    cheat(cast, Offer.objects.get(pk=offer.pk))
    try_everything(cast)

    assert ask(cast).verdict != "permitted"
    assert client_at(cast.now).get(f"/api/v1/grants/{offer.grant}").status_code == 404
    assert alarms() == WITHOUT_THE_PUBLISHER[cheat]
    # What the public sees is an honest log still.
    assert audit(folder).exit_code == Exit.PERMITTED


# It was a yes, and a holder has withdrawn


def the_row_back_to_active(cast, folder, offer, before):
    Offer.objects.filter(pk=offer.pk).update(state=State.ACTIVE)


def the_state_back_to_active(cast, folder, offer, before):
    raw = before["states"][names.grant(offer.grant)]
    MapLeaf.objects.filter(name=names.grant(offer.grant)).update(state=raw, value=value_hash(raw))


def the_withdrawal_taken_out_of_the_log(cast, folder, offer, before):
    last = Event.objects.filter(t="withdraw").latest("pos")
    other = Event.objects.filter(t="refuse").first() or Event.objects.get(pos=4)
    Event.objects.filter(pos=last.pos).update(raw=bytes(other.raw))


def the_older_files_put_back(cast, folder, offer, before):
    shutil.copytree(before["public"], folder / "public", dirs_exist_ok=True)


def the_older_pointer_put_back(cast, folder, offer, before):
    shutil.copy(before["public"] / "snapshots" / "latest.json", folder / "public" / "snapshots")


def the_snapshot_edited(cast, folder, offer, before):
    latest = canonical.parse((folder / "public" / "snapshots" / "latest.json").read_bytes())
    path, name = folder / "public" / "snapshots" / latest["file"], names.grant(offer.grant)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE leaves SET state = ? WHERE name = ?", (before["states"][name], name))


def the_snapshot_edited_and_its_time_set_back(cast, folder, offer, before):
    """Byte by byte in place, as long as it was; the state before is shorter, so it becomes other terms."""
    latest = canonical.parse((folder / "public" / "snapshots" / "latest.json").read_bytes())
    path = folder / "public" / "snapshots" / latest["file"]
    times_ns = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    raw = path.read_bytes()
    end = f'"ends_at":"{cast.grant_state(offer).life[-1].ends_at}"'.encode()
    assert end in raw
    with path.open("r+b") as file:
        file.write(raw.replace(end, b'"ends_at":"2031-01-01T00:00:00Z"'))
    os.utime(path, ns=times_ns)


AFTER_THE_WITHDRAWAL = [
    the_row_back_to_active,
    the_state_back_to_active,
    the_withdrawal_taken_out_of_the_log,
    the_older_files_put_back,
    the_older_pointer_put_back,
    the_snapshot_edited,
    the_snapshot_edited_and_its_time_set_back,
]


@pytest.mark.parametrize("cheat", AFTER_THE_WITHDRAWAL)
def test_what_a_holder_has_withdrawn_does_not_come_back(cast, folder, tmp_path, cheat):
    offer = cast.grant_at(State.ACTIVE)
    cast.publish()
    assert ask(cast) == YES
    before = {
        "states": {row.name: bytes(row.state) for row in MapLeaf.objects.all()},
        "public": shutil.copytree(folder / "public", tmp_path / "before"),
    }
    cast.wait(60)
    cast.withdraw(offer, cast.studio)
    cast.publish()
    assert ask(cast) == Told("not_permitted", "withdrawn")

    cheat(cast, folder, offer, before)

    assert ask(cast).verdict != "permitted"
    try_everything(cast)
    assert ask(cast).verdict != "permitted"


def test_a_snapshot_edited_in_place_is_not_read_on_even_with_its_time_set_back(cast, folder):
    offer = cast.grant_at(State.ACTIVE)
    cast.publish()
    path = next((folder / "public" / "snapshots").glob("*.sqlite"))
    with open_verified(path, own_trust(), None) as opened:
        before = path.stat()
        with path.open("r+b") as file:
            file.write(path.read_bytes().replace(b'"JP"', b'"FR"'))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

        with pytest.raises(NotTrustedError, match="written to"), opened.in_one_read():
            opened.state(names.grant(offer.grant))


# What waits, and what is spent


def with_another_signature(token):
    # In its middle: the last byte of an Ed25519 signature is nought once in sixteen times.
    return token[:-20] + (b"B" if token[-20:-19] == b"A" else b"A") + token[-19:]


def change_the_token(cast, offer, row):
    other = with_another_signature(bytes(Blob.objects.get(digest=offer.issued.digest).raw))
    Blob.objects.filter(digest=offer.issued.digest).update(raw=other)


def change_the_row_of_the_token(cast, offer, row):
    """Nobody reads it once the blob is stored: the event alone decides, and it is sealed."""
    Grant.objects.filter(offer=offer).update(token=b"another", digest=canonical.digest(b"another"))
    draft = json.loads(bytes(row.draft)) | {"digest": canonical.digest(b"another")}
    Pending.objects.filter(pk=row.pk).update(draft=canonical.encode(draft))


def name_another_work(cast, offer, row):
    draft = json.loads(bytes(row.draft)) | {"works": [cast.works["manga"]]}
    Pending.objects.filter(pk=row.pk).update(draft=canonical.encode(draft))


def let_it_last_longer(cast, offer, row):
    draft = json.loads(bytes(row.draft)) | {"valid_until": "2099-01-01T00:00:00Z"}
    Pending.objects.filter(pk=row.pk).update(draft=canonical.encode(draft))


def take_an_approval_away(cast, offer, row):
    EvidenceItem.objects.filter(digest=offer.approvals.first().digest).delete()


def change_the_offer(cast, offer, row):
    raw = bytes(offer.raw).replace(b'"JP"', b'"FR"')
    Blob.objects.filter(digest=offer.digest).update(raw=raw)


@pytest.mark.parametrize(
    "cheat",
    [
        change_the_token,
        change_the_row_of_the_token,
        name_another_work,
        let_it_last_longer,
        take_an_approval_away,
        change_the_offer,
    ],
)
def test_a_grant_changed_while_it_waits_is_a_no_and_an_alarm(cast, folder, cheat):
    offer = cast.offer()
    for player in cast.holders:
        cast.approve(offer, player)
    cast.accept(offer)
    offer = cast.issue(offer)
    cheat(cast, offer, Pending.objects.get(state="pending"))
    try_everything(cast)

    assert ask(cast) == Told("not_permitted", "no_grant")
    assert alarms() == {"unit_refused"}
    assert "the log did not take" in Offer.objects.get(pk=offer.pk).reason
    assert audit(folder).exit_code == Exit.PERMITTED


def test_a_withdrawal_changed_while_it_waits_is_an_alarm_and_can_be_sent_again(cast):
    offer = cast.grant_at(State.ACTIVE)
    raw = cast.sign(cast.studio, "withdrawal", subject=cast.grant_state(offer).digest)
    withdraw_grant(cast.studio.actor, raw, cast.now)
    row = Pending.objects.get(state="pending")
    draft = json.loads(bytes(row.draft)) | {"grant": cast.works["film"]}
    Pending.objects.filter(pk=row.pk).update(draft=canonical.encode(draft))
    cast.publish()
    assert alarms() == {"unit_refused"}

    withdraw_grant(cast.studio.actor, raw, cast.now)
    cast.publish()
    assert ask(cast) == Told("not_permitted", "withdrawn")


def test_a_claim_that_has_ended_is_not_brought_back_by_its_old_statement(cast):
    cast.grant_at(State.ACTIVE)
    body = {"name": FILM_FILE, "work": cast.works["film"], "party": cast.studio.party, "ended": False}
    again = cast.sign(cast.studio, "claim", body)
    claim_name(cast.studio.actor, again, cast.now)
    cast.publish()
    assert ask(cast) == YES
    cast.wait(60)
    cast.claim(cast.studio, FILM_FILE, "film", ended=True)
    cast.publish()
    assert ask(cast).reason == "no_record"

    cast.wait(60)
    Spent.objects.filter(digest=canonical.digest(again)).delete()
    with pytest.raises(ConflictError, match="counted before"):
        claim_name(cast.studio.actor, again, cast.now)
    with transaction.atomic():
        draft = body | {"t": "alias", "level": "E3", "statement": canonical.digest(again)}
        append(draft, evidence={canonical.digest(again): again})
    cast.publish()
    assert ask(cast).reason == "no_record"
    assert alarms() == {"unit_refused"}


# What an auditor finds


def replace_a_statement(folder, offer):
    hex_of = offer.approvals.first().digest.removeprefix("sha256:")
    other = offer.approvals.last().raw
    (folder / "public" / "evidence" / "sha256" / hex_of).write_bytes(bytes(other))


def remove_a_statement(folder, offer):
    (folder / "public" / "evidence" / "sha256" / offer.approvals.first().digest.removeprefix("sha256:")).unlink()


def replace_the_token(folder, offer):
    path = folder / "public" / "blob" / "sha256" / offer.issued.digest.removeprefix("sha256:")
    path.write_bytes(with_another_signature(path.read_bytes()))


def replace_a_key_record(folder, offer):
    hex_of = offer.approvals.first().key.removeprefix("sha256:")
    path = folder / "public" / "evidence" / "sha256" / hex_of
    path.write_bytes(path.read_bytes().replace(b'"method":"key"', b'"method":"passkey"'))


def replace_the_entries(folder, offer):
    path = max((folder / "public" / "log" / "tile" / "entries").rglob("000.p/*"), key=lambda one: int(one.name))
    path.write_bytes(path.read_bytes().replace(b'"E3"', b'"E2"'))


def replace_the_snapshot(folder, offer):
    path = next((folder / "public" / "snapshots").glob("*.sqlite"))
    path.write_bytes(path.read_bytes().replace(b'"JP"', b'"FR"'))


@pytest.mark.parametrize(
    ("cheat", "found"),
    [
        (replace_a_statement, Exit.INVALID),
        (remove_a_statement, Exit.COULD_NOT_CHECK),
        (replace_the_token, Exit.INVALID),
        (replace_a_key_record, Exit.INVALID),
        (replace_the_entries, Exit.INVALID),
        (replace_the_snapshot, Exit.INVALID),
    ],
)
def test_an_auditor_finds_every_public_file_that_was_replaced(cast, folder, cheat, found):
    offer = cast.grant_at(State.ACTIVE)
    cast.publish()
    assert audit(folder).exit_code == Exit.PERMITTED

    cheat(folder, offer)

    assert audit(folder).exit_code == found
    bundle = client_at(cast.now).get(f"/api/v1/grants/{offer.grant}/bundle")
    if bundle.status_code == 200:
        # Made from what was logged, or not at all.
        assert verify(bundle.content, own_trust()).outcome == "valid"
