"""Where the registry's keys are, which of them count, and what happens where they are not."""

import logging

import msgspec
import pytest
from django.test import override_settings

from priorconsent.errors import MalformedError, NotTrustedError, SigningError
from priorconsent.keys import Jwk, Keyset, PrivateKey, RegistryKey
from priorconsent.signing import PublicUri, read_uri
from tests.transparency.cast import DAY_1, DAY_2, DAY_3
from transparency import keysets, sequencer, signers
from transparency.alarms import DatabaseChangedError
from transparency.append import sequenced_by_caller
from transparency.models import Alarm, Checkpoint, Event, Pending
from transparency.publisher import read_checkpoint
from transparency.signers import ONLINE_USES, OnlineUse, in_force, make_keys, public_halves, signer
from transparency.store import current_states, own_trust

Entry = tuple[OnlineUse, Jwk, str, str | None]

PASSPHRASE = "registry of prior permission"


@pytest.fixture
def encrypted(settings, folder):
    """Keys as in production: a passphrase, and no plain file."""
    settings.PRIORCONSENT_KEY_PASSPHRASE = PASSPHRASE
    settings.PRIORCONSENT_PLAIN_KEYS = False
    return folder / "keys"


def keyset_of(*entries, threshold=1):
    """A keyset that names these keys: use, key, from, until."""
    named = [RegistryKey(jwk=jwk, use=use, from_=from_, until=until) for use, jwk, from_, until in entries]
    return Keyset(
        v=1,
        registry=None,
        version=1,
        previous=None,
        threshold=threshold,
        roots=(PrivateKey(bytes(32)).jwk,),
        keys=tuple(sorted(named, key=lambda one: one.encode())),
        key_delay_s=0,
    )


def test_with_a_passphrase_the_keys_are_made_encrypted(encrypted):
    make_keys(root=True)
    for path in encrypted.glob("*.pem"):
        assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----"), path.name
    assert len({signer(use).kid for use in signers.USES}) == 5
    assert [len(half) for half in signers.mldsa_public_halves()] == [1312]


def test_another_passphrase_opens_none_of_them(encrypted, settings):
    make_keys(root=False)
    settings.PRIORCONSENT_KEY_PASSPHRASE = PASSPHRASE + "!"
    with pytest.raises(SigningError, match=r"grant\.pem: the passphrase does not open it"):
        signer("grant")


def test_where_plain_keys_are_not_allowed_none_is_made_or_used(encrypted, settings):
    settings.PRIORCONSENT_KEY_PASSPHRASE = None
    with pytest.raises(NotTrustedError, match="PRIORCONSENT_PLAIN_KEYS"):
        make_keys(root=False)
    settings.PRIORCONSENT_PLAIN_KEYS = True
    make_keys(root=False)
    settings.PRIORCONSENT_PLAIN_KEYS = False
    with pytest.raises(SigningError, match="PRIORCONSENT_KEY_PASSPHRASE_FILE"):
        signer("log")


def test_plain_keys_that_are_allowed_are_warned_of_once(folder, settings, caplog):
    settings.PRIORCONSENT_PLAIN_KEYS = True
    with caplog.at_level(logging.WARNING, logger="transparency.signers"):
        make_keys(root=False)
        for use in ONLINE_USES:
            signer(use)
    told = [record.getMessage() for record in caplog.records if record.name == "transparency.signers"]
    assert told == ["the registry's key files are not encrypted: whoever copies them can sign for it"]


def test_a_process_may_know_a_public_half_alone(folder, settings):
    make_keys(root=False)
    public = signer("log").jwk
    settings.PRIORCONSENT_KEYS = {**settings.PRIORCONSENT_KEYS, "log": (PublicUri(public.raw),)}
    assert public_halves("log") == (public,)
    assert not signers.holds("log")
    with pytest.raises(SigningError, match="another one signs"):
        signer("log")


def test_a_public_half_of_the_wrong_kind_is_refused(folder, settings):
    settings.PRIORCONSENT_KEYS = {"log": (PublicUri(bytes(1312)),), "log-mldsa": (PublicUri(bytes(32)),)}
    with pytest.raises(MalformedError, match="Ed25519"):
        public_halves("log")
    with pytest.raises(MalformedError, match="ML-DSA"):
        signers.mldsa_public_halves()


def test_keys_lie_where_the_setting_says(folder, settings, softhsm):
    token = softhsm.token("registry")
    settings.PRIORCONSENT_KEYS = {
        "log": (read_uri(f"file:{folder}/elsewhere/log.pem"),),
        "grant": (softhsm.uri(token, "grant"),),
    }
    make_keys(root=False)
    assert (folder / "elsewhere" / "log.pem").exists()
    assert not (folder / "keys" / "grant.pem").exists()
    assert (folder / "keys" / "receipt.pem").exists()
    signer("grant").jwk.verify(signer("grant").sign(b"message"), b"message")
    before = [signer(use).kid for use in ONLINE_USES]
    make_keys(root=False)
    assert [signer(use).kid for use in ONLINE_USES] == before


def test_a_server_asks_nobody_for_a_pin(folder, settings, softhsm):
    token = softhsm.token("unattended")
    settings.PRIORCONSENT_KEYS = {"grant": (softhsm.uri(token, "grant", pin=False),)}
    with pytest.raises(SigningError, match="pin-source"):
        signer("grant")


def test_only_a_key_that_the_keyset_names_for_this_use_at_this_time_signs(folder):
    make_keys(root=False)
    grant, log = signer("grant"), signer("log")
    good: list[list[Entry]] = [
        [("grant", grant.jwk, DAY_1, None)],
        [("grant", grant.jwk, DAY_1, DAY_3), ("grant", log.jwk, DAY_1, None)],
    ]
    for entries in good:
        assert [one.kid for one in in_force("grant", keyset_of(*entries), DAY_2)] == [grant.kid]
    bad: list[list[Entry]] = [
        [("grant", log.jwk, DAY_1, None)],
        [("log", grant.jwk, DAY_1, None)],
        [("grant", grant.jwk, DAY_3, None)],
        [("grant", grant.jwk, DAY_1, DAY_2)],
    ]
    for entries in bad:
        with pytest.raises(SigningError, match=rf"no grant key of keyset version 1 is at hand.*{grant.kid}"):
            in_force("grant", keyset_of(*entries), DAY_2)


def test_while_one_log_key_takes_over_from_another_both_sign(folder, settings):
    make_keys(root=False)
    settings.PRIORCONSENT_KEYS = {
        "log": (read_uri(f"file:{folder}/keys/log.pem"), read_uri(f"file:{folder}/keys/2.pem"))
    }
    make_keys(root=False)
    old, new = signers.signers("log")
    overlap = keyset_of(("log", old.jwk, DAY_1, DAY_3), ("log", new.jwk, DAY_2, None))
    assert [one.kid for one in in_force("log", overlap, DAY_1)] == [old.kid]
    assert [one.kid for one in in_force("log", overlap, DAY_2)] == [old.kid, new.kid]
    assert [one.kid for one in in_force("log", overlap, DAY_3)] == [new.kid]


def test_a_log_key_that_was_swapped_signs_no_checkpoint(cast, folder):
    """Neither does it stand alone, nor behind the public half of the one that the keyset names."""
    cast.party("urn:uuid:00000000-0000-4000-8000-000000000001").append()
    sequencer.sequence(DAY_2)
    published, public = read_checkpoint(), signer("log").jwk
    (folder / "keys" / "log.pem").unlink()
    make_keys(root=False)
    with pytest.raises(DatabaseChangedError, match="did not sign"):
        sequencer.finish(DAY_2)
    both = {"log": (*signers.uris("log"), PublicUri(public.raw))}
    with override_settings(PRIORCONSENT_KEYS=both), pytest.raises(SigningError, match="no log key of keyset version 1"):
        sequencer.finish(DAY_2)
    assert read_checkpoint() == published
    assert set(Alarm.objects.values_list("code", flat=True)) == {"database_changed", "not_signed"}


def test_a_process_without_keys_reads_the_log_and_leaves_signing_to_another(cast, settings):
    """The web process: it appends, and decides; the worker sequences, signs and publishes."""
    halves = {use: tuple(PublicUri(jwk.raw) for jwk in public_halves(use)) for use in ONLINE_USES}
    with_keys = settings.PRIORCONSENT_KEYS
    settings.PRIORCONSENT_KEYS = {**halves, "log-mldsa": tuple(map(PublicUri, signers.mldsa_public_halves()))}
    assert current_states().size == Event.objects.count()
    cast.party("urn:uuid:00000000-0000-4000-8000-000000000001").append()
    sequencer.sequence(DAY_2)
    with pytest.raises(SigningError, match="only a public half"):
        sequencer.finish(DAY_2)
    unsigned = Checkpoint.objects.order_by("-size").first()
    assert unsigned is not None
    assert unsigned.note is None
    settings.PRIORCONSENT_KEYS = with_keys
    sequencer.finish(DAY_2)
    assert Checkpoint.objects.get(size=unsigned.size).note is not None
    assert not Pending.objects.filter(state="pending").exists()


def test_the_registry_can_be_founded_with_keys_in_a_token(folder, db, settings, softhsm):
    token = softhsm.token("founding")
    settings.PRIORCONSENT_KEYS = {use: (softhsm.uri(token, use),) for use in ONLINE_USES}
    with sequenced_by_caller():
        keysets.found_registry(DAY_1)
    trust = own_trust()
    assert [log.key.public_key for log in trust.policy.logs] == [signer("log").jwk.raw]
    assert not (folder / "keys" / "log.pem").exists()
    assert msgspec.json.decode((folder / "trust.json").read_bytes())["registry"] == trust.registry
