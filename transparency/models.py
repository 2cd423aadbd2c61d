"""What the log keeps in the database: what waits, what is logged, the trees over it, and who has read how far.

Rows are trusted only as far as they lead to a root that the log signed; ``store`` checks that at every read
that decides something.
"""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

DIGEST_CHARACTERS = 71


class Pending(models.Model):
    """A draft of an event. Drafts of one unit are logged together, in the order of ``place``, or not at all.

    The primary key is the order of submission.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        LOGGED = "logged"
        REFUSED = "refused"

    id = models.BigAutoField(primary_key=True)
    unit = models.UUIDField()
    place = models.PositiveSmallIntegerField()
    draft = models.BinaryField(help_text="Canonical JSON: the event without what only the sequencer knows.")
    seal = models.BinaryField(help_text="HMAC over the draft and its place, so that a change by SQL shows.")
    state = models.CharField(max_length=7, choices=State, default=State.PENDING)
    reason = models.TextField(blank=True, default="")
    pos = models.BigIntegerField(null=True, unique=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["unit", "place"], name="pending_place"),
            models.CheckConstraint(condition=Q(state__in=["pending", "logged", "refused"]), name="pending_state"),
            models.CheckConstraint(
                condition=Q(state="logged", pos__isnull=False) | (~Q(state="logged") & Q(pos__isnull=True)),
                name="pending_logged_has_pos",
            ),
        ]
        indexes = [models.Index(fields=["id"], name="pending_waiting", condition=Q(state="pending"))]


class Attachment(models.Model):
    """Bytes that came with a unit: published when it is logged."""

    unit = models.UUIDField()
    digest = models.CharField(max_length=DIGEST_CHARACTERS)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["unit", "digest"], name="attachment_once")]


class Stored(models.Model):
    """Bytes by their digest; ``pos``: where the first batch that needs them begins, ``None`` until one is logged."""

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    digest = models.CharField(primary_key=True, max_length=DIGEST_CHARACTERS)
    raw = models.BinaryField()
    pos = models.BigIntegerField(null=True, db_index=True)

    class Meta:
        abstract = True


class Blob(Stored):
    """Offers by offer digest, grant tokens, keysets by payload digest, rights tables, texts, lists of receipts by root.

    Public for ever.
    """


class EvidenceItem(Stored):
    """Statements, key records by key id, share-set documents. Erasable."""


class Acknowledged(models.Model):
    """A narrowing statement that the log is promised to hold; comes with its draft, in one transaction."""

    statement = models.CharField(primary_key=True, max_length=DIGEST_CHARACTERS)
    received_at = models.CharField(max_length=20)
    signed = models.BinaryField(null=True, help_text="The acknowledgement; null until somebody asked for it.")
    open = models.BooleanField(default=True, help_text="Not yet seen in a published checkpoint.")

    class Meta:
        indexes = [models.Index(fields=["received_at"], name="acknowledged_open", condition=Q(open=True))]


class GivenReceipt(models.Model):
    """The digest of a receipt that the log has not committed to yet. Nothing else of it is kept.

    ``unit``: what commits to it, and waits for its place in the log.
    """

    digest = models.CharField(primary_key=True, max_length=DIGEST_CHARACTERS)
    issued_at = models.CharField(max_length=20)
    unit = models.UUIDField(null=True, db_index=True)

    class Meta:
        indexes = [models.Index(fields=["issued_at"], name="receipt_waiting", condition=Q(unit=None))]


class Head(models.Model):
    """How far the log has come; one row. Whoever moves it on has sequenced."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    size = models.BigIntegerField(default=0)
    leaves = models.BigIntegerField(default=0, help_text="Number of leaves of the map.")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="head_is_one_row")]

    @classmethod
    def now(cls) -> Self:
        """The row; before the founding, one of an empty log."""
        return cls.objects.first() or cls()


class Event(models.Model):
    """A leaf of the log. ``t`` and ``time`` repeat what the bytes say, for look-ups only."""

    pos = models.BigIntegerField(primary_key=True)
    raw = models.BinaryField()
    t = models.CharField(max_length=20)
    time = models.CharField(max_length=20)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pos__gte=0), name="event_pos")]


class HashTile(models.Model):
    """The hashes of one tile so far, under the path that the full tile will have."""

    path = models.CharField(primary_key=True, max_length=100)
    hashes = models.BinaryField()


class Leaf(models.Model):
    """The state of a name; ``pos`` is that of the last event that changed it."""

    name = models.TextField()
    bucket = models.PositiveIntegerField()
    state = models.BinaryField()
    pos = models.BigIntegerField()

    class Meta:
        abstract = True


class MapLeaf(Leaf):
    """The state in force. ``value`` is the hash of ``state``."""

    key = models.BinaryField(primary_key=True)
    value = models.BinaryField()

    class Meta:
        indexes = [
            models.Index(fields=["bucket", "key"], name="mapleaf_bucket"),
            # What changed since some size, without a look at every leaf.
            models.Index(fields=["pos", "bucket"], name="mapleaf_pos"),
        ]


class MapLeafVersion(Leaf):
    """An earlier state, in force from after event ``pos`` up to and including before event ``until``."""

    key = models.BinaryField()
    until = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "pos"], name="version_pos"),
            models.CheckConstraint(condition=Q(until__gt=models.F("pos")), name="version_until"),
        ]
        indexes = [
            models.Index(fields=["bucket", "key"], name="version_bucket"),
            models.Index(fields=["until"], name="version_until_pos"),
        ]


class MapNode(models.Model):
    """A node of the map from the buckets up to the root, numbered as in a heap: 1 is the root.

    ``leaf_key`` and ``leaf_value`` are set where the subtree has just one leaf.
    """

    number = models.PositiveIntegerField(primary_key=True)
    hash = models.BinaryField()
    leaf_key = models.BinaryField(null=True)
    leaf_value = models.BinaryField(null=True)


class Spent(models.Model):
    """Evidence that an event has cited: it counts once."""

    digest = models.CharField(primary_key=True, max_length=DIGEST_CHARACTERS)
    pos = models.BigIntegerField()


class Checkpoint(models.Model):
    """The log at one size. The row, with its one root, is committed before anything is signed."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()
    time = models.CharField(max_length=20, db_index=True)
    note = models.BinaryField(null=True, help_text="The signed note; null until signed.")
    published = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(published=False) | Q(note__isnull=False), name="checkpoint_signed_before_published"
            ),
        ]

    @classmethod
    def newest(cls, **which: object) -> Self | None:
        """The largest one, of those that are ``published=True`` or otherwise as told; ``None``: there is none."""
        return cls.objects.filter(**which).order_by("-size").first()


class TimeStamp(models.Model):
    """What a time-stamp authority said about the text of a published checkpoint, as it came."""

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT)
    authority = models.URLField(max_length=500)
    token = models.BinaryField(help_text="Time-stamp response (RFC 3161), DER.")
    time = models.CharField(max_length=20, help_text="By the authority.")
    asked_at = models.CharField(max_length=20, help_text="By our clock.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["checkpoint", "authority"], name="stamp_once")]


class Alarm(models.Model):
    """Something that must not happen happened; an operator has to look."""

    id = models.BigAutoField(primary_key=True)
    time = models.CharField(max_length=20)
    code = models.CharField(max_length=40)
    detail = models.TextField()
    unit = models.UUIDField(null=True, unique=True, help_text="The unit refused; null: the database itself.")


class Follower(models.Model):
    """How far somebody has read: up to event ``pos``, exclusive, and up to alarm ``alarm``, inclusive."""

    name = models.CharField(primary_key=True, max_length=50)
    pos = models.BigIntegerField(default=0)
    alarm = models.BigIntegerField(default=0)
