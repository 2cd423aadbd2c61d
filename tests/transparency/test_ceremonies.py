"""Root keys are held by several people, away from the server; what they sign founds the registry and renews it."""

from pathlib import Path

import msgspec
import pytest
from django.core.management import CommandError, call_command

from priorconsent import canonical
from priorconsent.ceremony.finishing import sign_apart
from priorconsent.errors import ConflictError, FraudError, QuorumError, RuleError, SignatureError, SigningError
from priorconsent.keys import Keyset, PrivateKey, read_keyset, sign_keyset
from priorconsent.log.opening import open_checkpoint
from priorconsent.signing import PublicUri, read_uri
from priorconsent.trust import read_trust
from tests.transparency.audit import check_log, check_published
from tests.transparency.cast import DAY_1, DAY_2, DAY_3, GRANT, STUDIO, Cast
from tests.world import key
from transparency import ceremonies, keysets, sequencer, signers
from transparency.append import sequenced_by_caller
from transparency.archive import DatabaseArchive
from transparency.models import Alarm, Checkpoint, Event, Head
from transparency.publisher import read_checkpoint
from transparency.store import keyset, own_trust

HOLDERS = ("aoi", "noor", "jean")
ENTRIES = [(use, use, DAY_1, None) for use in signers.ONLINE_USES]


class Ceremonies:
    """Three holders of root keys, and the registry's own folder."""

    def __init__(self, folder, settings):
        self.folder, self.settings, self.count = folder, settings, 0

    def uri(self, name):
        return f"file:{self.folder}/keys/{name}.pem"

    def use(self, **named):
        """What the settings say from now on: use → names of key files, or ``public:…``."""
        uris = {
            use.replace("_", "-"): tuple(
                read_uri(name if name.startswith("public:") else self.uri(name)) for name in names
            )
            for use, names in named.items()
        }
        self.settings.PRIORCONSENT_KEYS = {**self.settings.PRIORCONSENT_KEYS, **uris}

    def public(self, name):
        return str(PublicUri(signers._open(read_uri(self.uri(name))).jwk.raw))

    def plan(self, entries, *, holders=HOLDERS, threshold=2, delay=0):
        lines = ['title = "A ceremony"', f"threshold = {threshold}", f"key_delay_s = {delay}"]
        for name in holders:
            lines += ["[[root]]", f'holder = "{name}"', f'key = "{PublicUri(key(name).jwk.raw)}"']
        for use, name, from_, until in entries:
            uri = name if name.startswith("public:") else self.uri(name)
            lines += ["[[key]]", f'use = "{use}"', f'key = "{uri}"', f'from = "{from_}"']
            lines += [f'until = "{until}"'] if until else []
        return "\n".join(lines).encode()

    def prepare(self, entries, **other):
        self.count += 1
        place = self.folder / f"ceremony-{self.count}"
        ceremonies.prepare(self.plan(entries, **other), place)
        return place

    def hold(self, entries, *, signed_by=HOLDERS[:2], now=DAY_1, **other):
        """All of it but the installing."""
        place = self.prepare(entries, **other)
        sign(place, *signed_by)
        ceremonies.finish(place, ["Aoi", "Noor"], now)
        return place

    def found(self):
        with sequenced_by_caller():
            ceremonies.install(self.hold(ENTRIES), DAY_1)
        return Cast(own_trust().registry)

    def renew(self, entries, now, *, use=None, **other):
        """Prepare, sign, finish; name the new keys in the settings; install."""
        place = self.hold(entries, now=now, **other)
        self.use(**use or {})
        return ceremonies.install(place, now)


def keyset_in(place: Path) -> Keyset:
    return Keyset.parse((place / "payload.json").read_bytes())


def sign(place: Path, *names: str) -> None:
    made = keyset_in(place)
    for name in names:
        (place / f"{name}.sig").write_bytes(sign_apart(made, key(name)).encode() + b"\n")


def ended(use, at, *more):
    """The first keyset's keys, of which one ends, and others that come in."""
    return [*((*one[:3], at if one[0] == use else None) for one in ENTRIES), *more]


@pytest.fixture
def held(folder, db, settings):
    made = Ceremonies(folder, settings)
    made.use(**{use: (use,) for use in signers.ONLINE_USES})
    with sequenced_by_caller():
        yield made


def test_a_ceremony_founds_a_registry_without_a_root_key_near_the_server(held, folder):
    held.found()
    trust = read_trust((folder / "trust.json").read_bytes())
    assert trust.threshold == 2
    assert set(trust.roots) == {key(name).jwk.thumbprint for name in HOLDERS}
    assert not (folder / "keys" / "root.pem").exists()
    current = keyset()
    assert read_keyset(DatabaseArchive().keyset(trust.registry), None) == current
    assert {one.use: one.jwk for one in current.keys} == {use: signers.signer(use).jwk for use in signers.ONLINE_USES}
    check_log()
    check_published()


def test_the_folder_tells_the_holders_all_they_need(held):
    place = held.prepare(ENTRIES)
    told = (place / "read-before-signing.txt").read_text()
    made = keyset_in(place)
    assert made.digest in told
    assert "priorconsent keyset sign payload.json --key" in told
    for use in signers.ONLINE_USES:
        assert signers.signer(use).kid in told
    with pytest.raises(ConflictError):
        ceremonies.prepare(held.plan(ENTRIES), place)


def test_the_transcript_is_kept_as_text_and_json(held):
    place = held.hold(ENTRIES)
    told = canonical.parse_canonical((place / "transcript.json").read_bytes())
    assert told["attended"] == ["Aoi", "Noor"]
    assert {one["holder"] for one in told["holders"] if one["signed"]} == {"aoi", "noor"}
    for name in ("keyset.json", "payload.json", "plan.toml", "aoi.sig"):
        assert told["files"][name] == canonical.digest((place / name).read_bytes())
    assert "Aoi  ____" in (place / "transcript.txt").read_text()


def test_below_the_threshold_nothing_is_founded(held):
    place = held.prepare(ENTRIES)
    sign(place, "aoi")
    with pytest.raises(SignatureError, match="1 of 2"):
        ceremonies.finish(place, ["Aoi"], DAY_1)
    with pytest.raises(RuleError, match=r"no keyset\.json"):
        ceremonies.install(place, DAY_1)
    assert not Head.objects.filter(size__gt=0).exists()


def another_root(text):
    return text.replace(str(PublicUri(key("jean").jwk.raw)).encode(), str(PublicUri(key("x").jwk.raw)).encode())


@pytest.mark.parametrize(
    "edit",
    [
        another_root,
        lambda text: text.replace(b"threshold = 2", b"threshold = 1"),
        lambda text: text.replace(b"key_delay_s = 0", b"key_delay_s = 1"),
        lambda text: text.replace(DAY_1.encode(), DAY_2.encode(), 1),
    ],
)
def test_a_plan_that_was_changed_after_the_signing_is_noticed(held, edit):
    place = held.prepare(ENTRIES)
    sign(place, "aoi", "noor")
    (place / "plan.toml").write_bytes(edit((place / "plan.toml").read_bytes()))
    with pytest.raises(ConflictError, match="than the plan"):
        ceremonies.finish(place, ["Aoi"], DAY_1)


def test_a_key_that_would_not_sign_is_found_before_anything_is_logged(held, folder):
    place = held.hold(ENTRIES)
    (folder / "keys" / "grant.pem").unlink()
    signers.make_keys(root=False)
    with pytest.raises(SigningError, match="no grant key of keyset version 1 is at hand"):
        ceremonies.install(place, DAY_1)
    assert not Head.objects.filter(size__gt=0).exists()


def test_a_registry_is_not_founded_twice_with_different_keysets(held):
    held.found()
    other = held.folder / "other"
    held.settings.PRIORCONSENT_KEY_DIR = held.folder / "keys"
    first = keyset_in(held.folder / "ceremony-1")
    changed = Keyset.parse(first.encode().replace(b'"key_delay_s":0', b'"key_delay_s":1'))
    other.mkdir()
    (other / "keyset.json").write_bytes(sign_keyset(changed, [key("aoi"), key("noor")]))
    with pytest.raises(ConflictError, match="begins with another keyset"):
        ceremonies.install(other, DAY_2)
    # And the same one again changes nothing, nor does the command of a demo.
    size = Head.objects.get().size
    ceremonies.install(held.folder / "ceremony-1", DAY_2)
    keysets.found_registry(DAY_2)
    assert Head.objects.get().size == size
    assert not (held.folder / "keys" / "root.pem").exists()


def test_the_commands_walk_through_all_of_it(held, folder, capsys, tmp_path_factory):
    plan = tmp_path_factory.mktemp("plan") / "plan.toml"
    plan.write_bytes(held.plan([(use, use, "2026-01-01T00:00:00Z", None) for use in signers.ONLINE_USES]))
    place = folder / "by-command"
    call_command("ceremony", "prepare", str(plan), str(place))
    sign(place, "aoi", "jean")
    call_command("ceremony", "finish", str(place), "--attended", "Aoi", "Jean")
    call_command("ceremony", "install", str(place))
    told = capsys.readouterr().out
    assert "to be signed, digest sha256:" in told
    assert "Transcript of a ceremony" in told
    assert f"keyset 1 of registry {own_trust().registry} is in force" in told
    with pytest.raises(CommandError, match="has no plan"):
        call_command("ceremony", "finish", str(folder / "nothing"), "--attended", "Aoi")


# The next keysets


def test_the_next_keyset_needs_the_roots_before_and_its_own(held):
    held.found()
    entries = ended("grant", None)
    with pytest.raises(SignatureError, match="1 of 2"):
        held.hold(entries, holders=("aoi", "newcomer"), threshold=1, signed_by=("aoi", "newcomer"))
    following = held.renew(entries, DAY_2, holders=("aoi", "newcomer"), threshold=1, signed_by=("aoi", "noor"))
    assert keyset() == following
    assert (following.version, following.threshold, following.registry_id) == (2, 1, own_trust().registry)
    # Whoever trusted the first roots goes on trusting: the trust file does not change.
    assert set(own_trust().roots) == {key(name).jwk.thumbprint for name in HOLDERS}
    check_log()
    check_published()


def test_a_keyset_is_installed_once_and_in_order(held):
    held.found()
    one, other = held.hold(ended("grant", None), delay=1), held.hold(ended("grant", None), delay=2)
    ceremonies.install(one, DAY_2)
    for place in (one, other):
        with pytest.raises(FraudError, match="does not follow"):
            ceremonies.install(place, DAY_3)
    assert Event.objects.filter(t="keyset").count() == 2


def test_a_new_key_is_seen_to_sign_before_its_keyset_is_logged(held, folder):
    held.found()
    place = held.hold(ended("grant", DAY_3, ("grant", "grant-2", DAY_2, None)))
    held.use(grant=("grant", "grant-2"))
    (folder / "keys" / "grant-2.pem").unlink()
    with pytest.raises(SigningError, match=r"no grant-2\.pem"):
        ceremonies.install(place, DAY_2)
    held.use(grant=("grant",))
    with pytest.raises(SigningError, match="is not at hand, so it could not sign"):
        ceremonies.install(place, DAY_2)
    assert Event.objects.filter(t="keyset").count() == 1


def test_a_log_key_is_not_forgotten_while_older_checkpoints_verify_under_it(held):
    held.found()
    old = held.public("log")
    entries = ended("log", DAY_2, ("log", "log-2", DAY_1, None))
    held.renew(entries, DAY_2, use={"log": ("log-2", old)})
    # The newest checkpoint is by the new key, so nothing else would notice.
    place = held.hold(entries, delay=1, now=DAY_3)
    held.use(log=("log-2",))
    with pytest.raises(SigningError, match=f"must go on naming: {old}"):
        ceremonies.install(place, DAY_3)
    held.use(log=("log-2", old))
    assert ceremonies.install(place, DAY_3).version == 3


# Rotation


def test_while_log_keys_overlap_readers_of_either_are_served(held, folder):
    cast = held.found()
    before = own_trust()
    overlap = ended("log", DAY_3, ("log", "log-2", DAY_2, None))
    held.renew(overlap, DAY_2, use={"log": ("log", "log-2")})
    after = own_trust()
    assert (len(before.policy.logs), len(after.policy.logs)) == (1, 2)
    note = read_checkpoint() or b""
    only_new = signers.public_halves("log")[1]
    assert note.count("\n— ".encode()) == 3
    for policy in (before.policy, after.policy):
        assert open_checkpoint(note, policy).checkpoint.size == Head.objects.get().size
    # The old key's time is over: a reader who knows it alone sees a log that it does not know.
    cast.party(STUDIO).append()
    sequencer.run(DAY_3)
    note = read_checkpoint() or b""
    assert note.count("\n— ".encode()) == 2
    with pytest.raises(SignatureError, match="no known key of the log"):
        open_checkpoint(note, before.policy)
    assert open_checkpoint(note, after.policy).checkpoint.size == Head.objects.get().size
    # What stays of the old key is its public half, for checkpoints of its time.
    held.use(log=("log-2", held.public("log")))
    cast.key(STUDIO).append()
    sequencer.run(DAY_3)
    assert only_new in signers.public_halves("log")
    check_log()
    check_published()


def test_the_second_key_of_the_log_is_renewed_too(held, folder):
    """No keyset names the ML-DSA key: the settings say which sign, the trust file which count."""
    cast = held.found()
    before = own_trust()
    old = str(PublicUri(signers.mldsa_public_halves()[0]))
    held.use(log_mldsa=("log-mldsa", "log-mldsa-2"))
    signers.make_keys(root=False)
    cast.party(STUDIO).append()
    sequencer.run(DAY_2)
    after, note = own_trust(), read_checkpoint() or b""
    for policy in (before.policy, after.policy):
        assert open_checkpoint(note, policy).checkpoint.size == Head.objects.get().size
    # Stolen, or old: from now on it signs nothing, and counts for the checkpoints of its time.
    held.use(log_mldsa=("log-mldsa-2", old))
    cast.key(STUDIO).append()
    sequencer.run(DAY_3)
    note = read_checkpoint() or b""
    with pytest.raises(QuorumError):
        open_checkpoint(note, before.policy)
    keysets.write_trust()
    assert open_checkpoint(note, own_trust().policy).quorum_time is None
    check_log()
    check_published()


def test_a_grant_stays_valid_after_the_key_that_signed_it_has_ended(held, folder):
    cast = held.found()
    for unit in cast.everything_up_to_the_offer():
        unit.append()
    sequencer.run(DAY_1)
    cast.grant(DAY_2).append()
    sequencer.run(DAY_2)
    both = {"grant": ("grant", "grant-2")}
    held.renew(ended("grant", DAY_3, ("grant", "grant-2", DAY_2, None)), DAY_2, use=both)
    (folder / "keys" / "grant.pem").unlink()
    held.use(grant=("grant-2",))
    cast.refusal(1).append()
    sequencer.run(DAY_3)
    assert not Alarm.objects.exists()
    assert f"grant:{GRANT}" in check_log().states
    check_published()


def test_a_key_whose_time_is_over_signs_nothing_that_the_log_would_take(held):
    """The thief of a grant key, after the roots ended it: late in the log is not in the log."""
    cast = held.found()
    for unit in cast.everything_up_to_the_offer():
        unit.append()
    sequencer.run(DAY_1)
    # Made while the key was good, and kept back.
    kept_back = cast.grant(DAY_1)
    held.renew(ended("grant", DAY_2, ("grant", "grant-2", DAY_1, None)), DAY_2, use={"grant": ("grant", "grant-2")})
    kept_back.append()
    sequencer.run(DAY_2)
    [alarm] = Alarm.objects.all()
    assert (alarm.code, "is no grant key of this registry" in alarm.detail) == ("unit_refused", True)
    assert f"grant:{GRANT}" not in check_log().states


@pytest.mark.parametrize("use", ["receipt", "account"])
def test_what_a_key_signed_in_its_time_stays_and_nothing_after_it_counts(held, use):
    """Compromise is rotation without overlap: the keyset that follows ends the stolen key at its own log time."""
    held.found()
    stolen = signers.signer(use)
    held.renew(ended(use, DAY_2, (use, "next", DAY_1, None)), DAY_2, use={use: (use, "next")})
    current = keyset()
    assert current.key(stolen.kid, use, DAY_1) == stolen.jwk
    with pytest.raises(SignatureError):
        current.key(stolen.kid, use, DAY_2)
    [counting] = signers.in_force(use, current, DAY_2)
    assert counting.kid != stolen.kid


def test_a_keyset_that_the_roots_did_not_sign_has_no_effect_in_the_log(held):
    held.found()
    before = keyset()
    thief = PrivateKey(b"\7" * 32)
    forged = msgspec.structs.replace(
        before, registry=before.registry_id, version=2, previous=before.digest, roots=(thief.jwk,), threshold=1
    )
    with pytest.raises(SignatureError):
        keysets.install_keyset(DAY_2, sign_keyset(forged, [thief]))
    assert keyset() == before
    assert Checkpoint.objects.count() == 1
