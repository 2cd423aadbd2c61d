"""Prepare, rehearse under a key that is thrown away, store, sign, compare, log: in this order, or not at all."""

import pytest

from licences.models import Grant
from licences.states import State
from licences.verbs import issue
from licences.verbs.issue import issue_all_ready, issue_grant, issue_if_ready
from priorconsent import canonical, grants
from priorconsent.errors import ConflictError, SignatureError, SigningError
from priorconsent.keys import PrivateKey, SigningKey
from priorconsent.signing import PublicUri
from tests.cast import OPERATOR
from tests.licences.test_granting import all_sign
from transparency import signers
from transparency.models import Alarm, Pending
from transparency.rehearsal import RehearsalError
from transparency.store import keyset


@pytest.fixture
def offer(cast):
    """Everybody signed; nobody issued."""
    return all_sign(cast, cast.offer())


def use_key(monkeypatch, key):
    """The grant key is this object from now on, and in the keyset as before."""
    real = signers._open
    monkeypatch.setattr(signers, "_open", lambda uri: key(real(uri)) if str(uri).endswith("grant.pem") else real(uri))


class Key(SigningKey):
    """The grant key, in the hands of somebody."""

    def __init__(self, real):
        self.real, self.jwk = real, real.jwk

    def sign(self, message):
        return self.real.sign(message)


def test_what_is_signed_was_stored_before(cast, offer, monkeypatch):
    seen = []

    class Watched(Key):
        def sign(self, message):
            seen.append((Grant.objects.get(offer=offer).credential, Grant.objects.get(offer=offer).token, message))
            return super().sign(message)

    use_key(monkeypatch, Watched)
    issued = issue_grant(OPERATOR, offer, cast.now)
    [(credential, token, message)] = seen
    assert token is None
    assert bytes(issued.token or b"").startswith(message + b".")
    assert message.endswith(b"." + canonical.to_base64url(bytes(credential)).encode())
    assert grants.Token(bytes(issued.token or b"")).kid == signers.signer("grant").kid


def test_a_grant_that_the_log_would_refuse_is_never_signed(cast, offer, monkeypatch):
    class Untouched(Key):
        def sign(self, message):
            raise AssertionError(message)

    use_key(monkeypatch, Untouched)
    # As a fault of ours would make it: another level than the one that replay computes.
    drafts = issue._drafts
    monkeypatch.setattr(issue, "_drafts", lambda *told: [{**drafts(*told)[0], "level": "E1"}])
    with pytest.raises(RehearsalError, match="level is not the lowest"):
        issue_grant(OPERATOR, offer, cast.now)
    assert not Grant.objects.filter(offer=offer).exists()
    assert issue_all_ready(OPERATOR, cast.now) == []
    [alarm] = Alarm.objects.filter(code="not_signed")
    assert offer.grant in alarm.detail
    assert issue_all_ready(OPERATOR, cast.now) == []
    assert Alarm.objects.count() == 1


def test_bytes_that_changed_while_they_were_signed_are_thrown_away(cast, offer, monkeypatch):
    class Meddler(Key):
        def sign(self, message):
            Grant.objects.filter(offer=offer).update(credential=b"{}")
            return super().sign(message)

    use_key(monkeypatch, Meddler)
    with pytest.raises(ConflictError, match="not what was prepared"):
        issue_grant(OPERATOR, offer, cast.now)
    nothing_was_logged(offer)


def test_a_signature_that_does_not_verify_is_thrown_away(cast, offer, monkeypatch):
    class Faulty(Key):
        def sign(self, message):
            return super().sign(message + b"!")

    use_key(monkeypatch, Faulty)
    with pytest.raises(SignatureError):
        issue_grant(OPERATOR, offer, cast.now)
    nothing_was_logged(offer)


def test_a_swapped_key_signs_nothing(cast, offer, folder, monkeypatch):
    class Swapped(Key):
        def __init__(self, _real):
            super().__init__(PrivateKey(b"\1" * 32))

        def sign(self, message):
            raise AssertionError(message)

    use_key(monkeypatch, Swapped)
    with pytest.raises(SigningError, match="no grant key of keyset version 1 is at hand"):
        issue_grant(OPERATOR, offer, cast.now)
    nothing_was_logged(offer)


def test_a_key_that_is_away_leaves_the_grant_waiting_and_raises_an_alarm(cast, offer, folder):
    (folder / "keys" / "grant.pem").rename(folder / "keys" / "away")
    assert issue_if_ready(OPERATOR, offer, cast.now) is None
    nothing_was_logged(offer)
    assert [alarm.code for alarm in Alarm.objects.all()] == ["not_signed"]
    # What would have been signed is there, for whoever asks why it was not.
    assert bytes(Grant.objects.get(offer=offer).credential or b"")
    (folder / "keys" / "away").rename(folder / "keys" / "grant.pem")
    assert issue_all_ready(OPERATOR, cast.now) == [offer.grant]


def test_a_process_without_the_grant_key_leaves_the_grant_to_the_sweep_of_another(cast, offer, settings):
    with_keys = settings.PRIORCONSENT_KEYS
    public = PublicUri(signers.signer("grant").jwk.raw)
    settings.PRIORCONSENT_KEYS = {**with_keys, "grant": (public,)}
    assert issue_if_ready(OPERATOR, offer, cast.now) is None
    assert issue_all_ready(OPERATOR, cast.now) == []
    nothing_was_logged(offer)
    assert not Alarm.objects.exists()
    settings.PRIORCONSENT_KEYS = with_keys
    assert issue_all_ready(OPERATOR, cast.now) == [offer.grant]


def test_the_key_of_the_rehearsal_is_no_key_of_the_registry(cast, offer):
    issued = issue_grant(OPERATOR, offer, cast.now)
    grants.Token(bytes(issued.token or b"")).verify(keyset(), cast.now)
    assert {key.jwk for key in keyset().keys if key.use == "grant"} == {signers.signer("grant").jwk}


def nothing_was_logged(offer):
    offer.refresh_from_db()
    assert offer.state == State.OFFERED
    assert not Pending.objects.filter(state="pending").exists()
    assert not Grant.objects.filter(offer=offer, digest__isnull=False).exclude(digest="").exists()
