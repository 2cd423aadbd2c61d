"""Promise 9: from published files and the evidence archive alone, an empty database elsewhere is the same registry."""

import re
import shutil
from typing import Any

import msgspec
import pytest
from django.core.management.color import no_style
from django.db import connection, transaction
from django.test import override_settings

from api import published as answering
from licences.adopting import make_rows as grant_rows
from licences.models import Offer
from licences.states import State
from licences.verbs.withdraw import withdraw_grant
from priorconsent import canonical, home, names, times, timestamps
from priorconsent.court.bundle import read
from priorconsent.court.fsck import fsck
from priorconsent.court.published import Folder
from priorconsent.court.report import Exit
from priorconsent.court.verify import verify
from priorconsent.errors import ConflictError, NotTrustedError, SigningError
from priorconsent.keys import RegistryKey, sign_keyset
from priorconsent.reasons import Verdict
from priorconsent.signing import FileUri, PublicUri
from priorconsent.snapshot import open_verified
from priorconsent.trust import read_trust
from registry.adopting import make_rows as party_rows
from tests.api.conftest import client_at
from tests.promises.asking import Told, ask, question
from tests.stage import tables
from tests.tsa import make_authority
from transparency import signers
from transparency.adopting import adopt
from transparency.append import append
from transparency.archive import DatabaseArchive
from transparency.keysets import install_keyset
from transparency.models import Alarm, Checkpoint, TimeStamp
from transparency.sequencer import run, sweep
from transparency.store import keyset

YES = Told("permitted", "granted")
MADE_ANEW = r"snapshots/|log/tile/.*\.p/"

QUESTIONS: dict[str, dict[str, Any]] = {
    "licensed": {},
    "another vendor": {"vendor": "urn:uuid:00000000-0000-4000-8000-00000000000f"},
    "another use": {"use": "generate.voice"},
    "another country": {"territory": "FR"},
    "a place": {"sha256": None, "url": "https://studio.example/film/reel-1.mp4"},
    "a copy made before": {"acquired_at": "2026-12-01T00:00:00Z"},
    "an unknown file": {"sha256": canonical.digest(b"unknown")[7:]},
    "a weaker level": {"min_level": "E3"},
}


def answers(cast):
    return {what: ask(cast, **other) for what, other in QUESTIONS.items()}


@pytest.fixture
def old(cast, folder, tmp_path):
    """A registry with a grant in force, one withdrawn, a refusal; what it published, and one of its bundles."""
    offer = cast.grant_at(State.ACTIVE)
    cast.wait()
    ended = cast.grant_at(State.WITHDRAWN, uses=["search"])
    cast.refuse(cast.publisher, vendors=[cast.other_vendor.party])
    cast.log()
    cast.publish()
    bundle = client_at(cast.now).get(f"/api/v1/grants/{offer.grant}/bundle").content
    found = {"answers": answers(cast), "bundle": bundle, "offer": offer.grant, "ended": ended.grant}
    found["digest"] = offer.digest
    public = shutil.copytree(folder / "public", tmp_path / "handed over" / "public")
    found["public"], found["trust"] = public, read_trust((folder / "trust.json").read_bytes())
    found["keys"] = shutil.copytree(folder / "keys", tmp_path / "handed over" / "keys")
    return found


@pytest.fixture
def elsewhere(old, settings, tmp_path):
    """Another machine: an empty database, an empty folder."""
    empty_database()
    settings.PRIORCONSENT_DATA = tmp_path / "elsewhere"
    settings.PRIORCONSENT_KEY_DIR = tmp_path / "elsewhere" / "keys"
    settings.PRIORCONSENT_DATA.mkdir()
    return settings


def empty_database():
    # PostgreSQL empties no table for which a check is still due.
    connection.check_constraints()
    with transaction.atomic(), connection.cursor() as cursor:
        names_of_tables = [model._meta.db_table for model in tables()]
        for statement in connection.ops.sql_flush(no_style(), names_of_tables, allow_cascade=True):
            cursor.execute(statement)


def rows():
    party_rows()
    grant_rows()


def take_over(old, **more):
    return adopt(old["public"], old["trust"], rows, **more)


def with_old_keys(old, settings):
    shutil.copytree(old["keys"], settings.PRIORCONSENT_KEY_DIR)


def public_of(settings):
    return settings.PRIORCONSENT_DATA / "public"


def test_the_same_map_root_answers_and_files(cast, old, elsewhere):
    with_old_keys(old, elsewhere)
    adopted = take_over(old)

    assert (adopted.registry, adopted.missing, adopted.alarms) == (old["trust"].registry, frozenset(), ())
    assert answers(cast) == old["answers"]
    assert old["answers"]["licensed"] == YES
    assert len(set(old["answers"].values())) > 4
    # File by file what was published before, but for snapshots, and for what tiles began with.
    before, after = (
        {path: Folder(one).other_file(path) for path in Folder(one).files() if not re.match(MADE_ANEW, path)}
        for one in (old["public"], public_of(elsewhere))
    )
    assert after == before
    # The old trust file accepts all of it.
    assert fsck(Folder(public_of(elsewhere)), old["trust"]).exit_code == Exit.PERMITTED
    assert map_root(public_of(elsewhere), old["trust"]) == map_root(old["public"], old["trust"])
    assert (elsewhere.PRIORCONSENT_DATA / "trust.json").read_bytes() == old["trust"].encode()


def test_whoever_asks_at_home_with_the_old_trust_file_gets_the_same_yes(cast, old, elsewhere, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "seen"))
    trust = tmp_path / "trust.json"
    trust.write_bytes(old["trust"].encode())
    before = home.ask(question(cast), newest_snapshot(old["public"]), trust, now=cast.now)
    with_old_keys(old, elsewhere)
    take_over(old)
    after = home.ask(question(cast), newest_snapshot(public_of(elsewhere)), trust, now=cast.now)

    assert before.decision.verdict is after.decision.verdict is Verdict.PERMITTED
    assert before.decision == after.decision
    # And it stays fresh, since the log goes on.
    later = cast.wait(90_000)
    cast.publish()
    sweep(cast.now)
    assert home.ask(question(cast), newest_snapshot(public_of(elsewhere)), trust, now=later).decision == after.decision


def newest_snapshot(public):
    return max((public / "snapshots").glob("*.sqlite"), key=lambda path: int(path.stem))


def map_root(public, trust):
    with open_verified(newest_snapshot(public), trust, None) as snapshot:
        return snapshot.head.map_root, snapshot.head.checkpoint


def test_it_goes_on_under_the_keys_handed_over_and_readers_notice_nothing(cast, old, elsewhere):
    with_old_keys(old, elsewhere)
    take_over(old)
    cast.wait()
    # A holder ends the grant, as was signed, with the new operator.
    state = cast.state(names.grant(old["offer"]))
    withdraw_grant(cast.studio.actor, cast.sign(cast.studio, "withdrawal", subject=state.digest), cast.now)
    cast.refuse(cast.stranger)
    cast.publish()

    assert ask(cast) == Told("not_permitted", "withdrawn")
    assert fsck(Folder(public_of(elsewhere)), old["trust"]).exit_code == Exit.PERMITTED
    # The old bundle is as good as it was, and a new one from here too.
    assert verify(old["bundle"], old["trust"]).outcome == "valid"
    bundle = client_at(cast.now).get(f"/api/v1/grants/{old['offer']}/bundle").content
    report = verify(bundle, old["trust"])
    assert (report.outcome, report.permitted) == ("valid", False)
    assert set(Alarm.objects.values_list("code", flat=True)) == set()


def test_what_was_checked_there_stays_checked_here_as_far_as_the_log_shows_it(cast, old, elsewhere):
    with_old_keys(old, elsewhere)
    take_over(old)
    cast.wait()
    members = (cast.studio, cast.broadcaster, cast.toy_maker)
    for together in ((*members, cast.stranger), members):
        shares = [("copyright", player) for player in together]
        signers = (*members, cast.stranger)
        cast.share("film", shares, [("based_on", "manga")], checked=False, signed_by=signers)
        cast.log()
        holders = cast.state(names.work(cast.works["film"])).holders
        levels = {holder.party: holder.level for holder in holders}
        # Who joins is checked by nobody yet; once somebody leaves, nobody is.
        kept = "E3" if cast.stranger in together else "E0"
        assert levels == {player.party: "E0" if player == cast.stranger else kept for player in together}


def test_a_new_bundle_from_here_speaks_of_the_time_before(cast, old, elsewhere):
    with_old_keys(old, elsewhere)
    take_over(old)
    bundle = client_at(cast.now).get(f"/api/v1/grants/{old['offer']}/bundle").content
    before = read(old["bundle"])
    when = canonical.parse(before["first/map-root.json"])["time"]
    then = verify(old["bundle"], old["trust"], at=when)

    assert read(bundle)["first/proof"] == before["first/proof"]
    assert (then.outcome, then.permitted) == ("valid", True)
    assert verify(bundle, old["trust"], at=when).decisions == then.decisions


def test_time_stamps_come_along_as_far_as_their_authority_is_trusted(cast, old, elsewhere, tmp_path):
    trusted, other = (make_authority(tmp_path / name) for name in ("trusted", "other"))
    elsewhere.PRIORCONSENT_TSA_CA = (trusted.root,)
    newest = (old["public"] / "log" / "checkpoint").read_bytes()
    text = newest.partition(b"\n\n")[0] + b"\n"
    stamps = old["public"] / "timestamps" / text.split(b"\n")[1].decode()
    stamps.mkdir(parents=True)
    for name, authority in {"aa": trusted, "bb": other}.items():
        token = authority.answer_at(timestamps.question(text).der, times.parse(cast.now))
        (stamps / f"{name}.tsr").write_bytes(token)
    # What a crash left, and what does not belong there.
    (old["public"] / "log" / "checkpoints" / ".half").write_bytes(b"")
    (old["public"] / "log" / "checkpoints" / "notes").write_bytes(b"")
    (stamps.parent / "all").mkdir()
    (stamps.parent / "all" / "aa.tsr").write_bytes(b"")
    with_old_keys(old, elsewhere)
    take_over(old)

    assert TimeStamp.objects.count() == 1
    published = public_of(elsewhere) / "timestamps"
    assert {path.relative_to(published).as_posix() for path in published.rglob("*.tsr")} == {f"{stamps.name}/aa.tsr"}
    bundle = client_at(cast.now).get(f"/api/v1/grants/{old['offer']}/bundle").content
    assert read(bundle)["tsr/0.tsr"] == (stamps / "aa.tsr").read_bytes()
    assert verify(bundle, msgspec.structs.replace(old["trust"], tsa_ca=(trusted.root,))).outcome == "valid"


def test_new_grants_are_made_by_the_same_parties(cast, old, elsewhere):
    with_old_keys(old, elsewhere)
    take_over(old)
    cast.wait()
    cast.grant_at(State.ACTIVE, uses=["evaluate"])
    cast.publish()

    assert ask(cast, use="evaluate") == YES
    assert ask(cast) == YES


def test_new_keys_take_over_by_a_keyset_that_the_roots_signed(cast, old, elsewhere):
    """The online keys were not handed over: only their public halves, which stand in the old trust file."""
    with override_settings(PRIORCONSENT_KEY_DIR=old["keys"]):
        root, halves = signers.signer("root"), {use: signers.public_halves(use) for use in signers.ONLINE_USES}
        mldsa = signers.mldsa_public_halves()
    name_keys(elsewhere, halves, mldsa)
    take_over(old)
    cast.wait()
    with pytest.raises(SigningError):
        sweep(cast.wait(90_000))

    install_keyset(cast.now, sign_keyset(next_keyset(cast.now), [root]))
    run(cast.now)
    new = read_trust((elsewhere.PRIORCONSENT_DATA / "trust.json").read_bytes())
    # The same registry, the same log, the same roots: what is new are the log's keys.
    assert (new.registry, new.roots, new.policy.origin) == (
        old["trust"].registry,
        old["trust"].roots,
        old["trust"].policy.origin,
    )
    assert fsck(Folder(public_of(elsewhere)), new).exit_code == Exit.PERMITTED
    assert verify(old["bundle"], new).outcome == verify(old["bundle"], old["trust"]).outcome == "valid"
    assert ask(cast) == YES


def name_keys(settings, halves, mldsa):
    """What the new operator sets: a new key for each use, and the public halves of the log's old ones."""
    folder = settings.PRIORCONSENT_KEY_DIR
    old = {"log": [jwk.raw for jwk in halves["log"]], signers.LOG_MLDSA: mldsa}
    settings.PRIORCONSENT_KEYS = {
        use: (FileUri(folder / f"{use}.pem"), *(PublicUri(half) for half in old.get(use, ())))
        for use in (*signers.ONLINE_USES, signers.LOG_MLDSA)
    }


def next_keyset(now):
    before = keyset()
    ended = [msgspec.structs.replace(key, until=key.until or now) for key in before.keys]
    fresh = [RegistryKey(jwk=signers.signer(use).jwk, use=use, from_=now, until=None) for use in signers.ONLINE_USES]
    return msgspec.structs.replace(
        before,
        registry=before.registry_id,
        version=before.version + 1,
        previous=before.digest,
        keys=tuple(sorted((*ended, *fresh), key=lambda key: key.encode())),
    )


# What is refused


def lose_evidence(old):
    path = min((old["public"] / "evidence" / "sha256").iterdir())
    path.unlink()
    return path.name


def lose_an_offer(old):
    path = old["public"] / "blob" / old["digest"].replace(":", "/")
    path.unlink()
    return path.name


def punch_a_hole(old):
    bundle = next((old["public"] / "log" / "tile" / "entries").rglob("*[0-9]"))
    raw = bundle.read_bytes()
    first = int.from_bytes(raw[:2], "big") + 2
    bundle.write_bytes(raw[first:])
    return "log"


def change_an_entry(old):
    bundle = next(path for path in (old["public"] / "log" / "tile" / "entries").rglob("*") if path.is_file())
    raw = bundle.read_bytes()
    bundle.write_bytes(raw.replace(b'"kind":"film"', b'"kind":"book"', 1))
    return "log"


@pytest.mark.parametrize("harm", [lose_evidence, lose_an_offer, punch_a_hole, change_an_entry])
def test_a_folder_that_is_not_whole_is_not_taken_over(old, elsewhere, harm):
    with_old_keys(old, elsewhere)
    told = harm(old)
    with pytest.raises(NotTrustedError, match=told):
        take_over(old)
    assert not Checkpoint.objects.exists()


def test_evidence_that_was_erased_by_law_may_be_missing_if_it_is_named(cast, old, elsewhere):
    with_old_keys(old, elsewhere)
    # The key record of somebody who signed nothing but that it is theirs.
    gone = cast.stranger.key_id
    (old["public"] / "evidence" / gone.replace(":", "/")).unlink()
    with pytest.raises(NotTrustedError):
        take_over(old)
    missing = frozenset(fsck(Folder(old["public"]), old["trust"]).unchecked)
    assert gone in missing
    adopted = take_over(old, erased=missing)
    assert adopted.missing == missing
    assert DatabaseArchive().evidence(gone) is None
    assert answers(cast) == old["answers"]


def test_only_an_empty_database_takes_over(cast, old, elsewhere):
    with_old_keys(old, elsewhere)
    with transaction.atomic():
        append(
            {"t": "party", "party": "urn:uuid:00000000-0000-4000-8000-0000000000ff", "kind": "person", "members": None}
        )
    with pytest.raises(ConflictError, match="holds a registry already"):
        take_over(old)
    empty_database()
    take_over(old)
    with pytest.raises(ConflictError):
        take_over(old)


def test_another_origin_or_other_keys_are_told(old, elsewhere):
    with pytest.raises(SigningError, match="name the old ones too"):
        take_over(old)
    elsewhere.PRIORCONSENT_ORIGIN = "elsewhere.example/1"
    with pytest.raises(ConflictError, match="never changes"):
        take_over(old)


def test_what_is_shown_of_grants_is_what_the_log_shows(old, elsewhere):
    with_old_keys(old, elsewhere)
    take_over(old)
    states = dict(Offer.objects.values_list("grant", "state"))
    assert states == {old["offer"]: State.ACTIVE, old["ended"]: State.WITHDRAWN}


@pytest.fixture(autouse=True)
def restart():
    """Each machine answers from its own files."""
    yield
    for name in ("_opened", "_largest"):
        getattr(answering, name).clear()
