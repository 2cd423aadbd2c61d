"""Licences, offers, the signatures under them, and the grants that they become.

The state of a row is what people are shown and what guards against acting twice; what a grant permits is
decided from the log alone.
"""

from __future__ import annotations

from django.db import models

from licences.states import State
from registry.models import DIGEST, TIME, URN

STATES = [(state.value, state.value) for state in State]


class Licence(models.Model):
    """A version of terms and texts that offers start from; never changed, only followed by another."""

    urn = models.CharField(max_length=URN)
    version = models.PositiveIntegerField()
    title = models.CharField(max_length=1000)
    terms = models.JSONField()
    added_at = models.CharField(max_length=TIME)

    class Meta:
        ordering = ["urn", "version"]
        constraints = [models.UniqueConstraint(fields=["urn", "version"], name="licence_version_once")]

    def __str__(self) -> str:
        return f"{self.title} ({self.version})"


class LicenceText(models.Model):
    """A text of a licence; offers pin it by the digest of its bytes."""

    licence = models.ForeignKey(Licence, on_delete=models.CASCADE, related_name="texts")
    lang = models.CharField(max_length=35)
    media_type = models.CharField(max_length=100)
    digest = models.CharField(max_length=DIGEST, db_index=True)
    content = models.BinaryField()

    class Meta:
        ordering = ["lang"]
        constraints = [models.UniqueConstraint(fields=["licence", "lang", "media_type"], name="licence_text_once")]

    def __str__(self) -> str:
        return self.digest


class Offer(models.Model):
    """The life of one grant, from its draft on.

    ``terms`` is the draft; with the offer, ``raw``, ``digest`` and the ``Need`` rows are frozen. ``reason`` is
    for people.
    """

    grant = models.CharField(max_length=URN, unique=True)
    state = models.CharField(max_length=10, choices=STATES, default=State.DRAFT)
    terms = models.JSONField()
    licence = models.ForeignKey(Licence, on_delete=models.PROTECT, null=True, related_name="offers")
    drafted_by = models.CharField(max_length=URN, blank=True)
    drafted_at = models.CharField(max_length=TIME)
    licensee = models.CharField(max_length=URN, blank=True, db_index=True)
    digest = models.CharField(max_length=DIGEST, null=True, unique=True)  # noqa: DJ001 (unique, so no empty text)
    raw = models.BinaryField(null=True)
    lapse_at = models.CharField(max_length=TIME, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["draft", "discarded"]) | models.Q(raw__isnull=False),
                name="offer_has_its_bytes",
            )
        ]
        indexes = [models.Index(fields=["state", "lapse_at"], name="offer_state")]

    def __str__(self) -> str:
        return self.grant

    @property
    def needs(self) -> dict[str, list[str]]:
        """Whose approval it takes, and the rights that each must name."""
        return {need.party: need.rights for need in self.need_rows.all()}

    @property
    def accepted(self) -> Acceptance | None:
        """The licensee's answer, if there is one; no query where it was selected with the offer."""
        try:
            return self.acceptance
        except Acceptance.DoesNotExist:
            return None


class Need(models.Model):
    """A party whose approval an offer takes, by ``priorconsent.consent`` on the states that the offer pins."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="need_rows")
    party = models.CharField(max_length=URN, db_index=True)
    rights = models.JSONField()

    class Meta:
        ordering = ["party"]
        constraints = [models.UniqueConstraint(fields=["offer", "party"], name="need_once")]

    def __str__(self) -> str:
        return self.party


class Signature(models.Model):
    """A statement in the database, until and after an event cites it.

    ``void``: its key has ended since, so it no longer counts.
    """

    party = models.CharField(max_length=URN)
    key = models.CharField(max_length=DIGEST, db_index=True)
    digest = models.CharField(max_length=DIGEST)
    raw = models.BinaryField()
    not_after = models.CharField(max_length=TIME, blank=True)
    void = models.BooleanField(default=False)
    received_at = models.CharField(max_length=TIME)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.digest

    def counts(self, now: str) -> bool:
        """Whether it could still be cited, as far as this row tells."""
        return not self.void and (not self.not_after or now < self.not_after)


class Approval(Signature):
    """A holder's signature under an offer; the newest one counts."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="approvals")
    decision = models.CharField(max_length=7)

    class Meta:
        ordering = ["party"]
        constraints = [models.UniqueConstraint(fields=["offer", "party"], name="approval_once")]


class Acceptance(Signature):
    """The licensee's signature under an offer."""

    offer = models.OneToOneField(Offer, on_delete=models.CASCADE, related_name="acceptance")
    decision = models.CharField(max_length=7)


class Grant(models.Model):
    """The credential as prepared and, once signed, the token. Without its event a token is nothing."""

    offer = models.OneToOneField(Offer, on_delete=models.CASCADE, related_name="issued")
    credential = models.BinaryField()
    token = models.BinaryField(null=True)
    digest = models.CharField(max_length=DIGEST, null=True, unique=True)  # noqa: DJ001 (unique, so no empty text)
    issued_at = models.CharField(max_length=TIME, blank=True)

    def __str__(self) -> str:
        return self.digest or "not signed"


class Withdrawal(Signature):
    """A holder's signature for the end of a grant, kept until as many are there as the terms ask for."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="withdrawals")

    class Meta:
        ordering = ["party"]
        constraints = [models.UniqueConstraint(fields=["offer", "party"], name="withdrawal_once")]


class Suspension(models.Model):
    """Why an operator suspended a grant; the reason is for people and not logged."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="suspensions")
    cause = models.CharField(max_length=10)
    reason = models.TextField()
    by = models.CharField(max_length=200)
    at = models.CharField(max_length=TIME)
    ended_at = models.CharField(max_length=TIME, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.cause} of {self.offer_id}"
