"""What is stored about people who use the server; erasable, and never in the log."""

from __future__ import annotations

from typing import ClassVar

import uuid6
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower


class UserManager(BaseUserManager["User"]):
    """Makes users whose addresses are spelled in one way."""

    def create_user(self, email: str) -> User:
        """A user without a password: today keys act, and a login comes with the pages for people."""
        user = self.model(email=email.strip().lower())
        user.set_unusable_password()
        user.full_clean()
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        """Addresses are found in any case."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser):
    """A person, known by an e-mail address."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_lower_case")]

    def __str__(self) -> str:
        return str(self.id)


class Membership(models.Model):
    """A user acts for a party in one role; an operator acts for the registry, which is no party.

    ``member`` prepares and asks, ``signer`` also sends what binds the party.
    """

    class Role(models.TextChoices):
        """Also the roles of ``registry.actor.Actor``."""

        OPERATOR = "operator"
        SIGNER = "signer"
        MEMBER = "member"

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    party = models.UUIDField(null=True, blank=True)
    role = models.CharField(max_length=8, choices=Role.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "party", "role"], name="membership_once"),
            # In SQL no null equals another, so operators need a line of their own.
            models.UniqueConstraint(fields=["user"], condition=Q(party=None), name="membership_operator_once"),
            models.CheckConstraint(
                condition=Q(role="operator", party__isnull=True)
                | Q(role__in=["signer", "member"], party__isnull=False),
                name="membership_operator_has_no_party",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.party_urn or 'the registry'}"

    @property
    def party_urn(self) -> str | None:
        """The party as records spell it."""
        return None if self.party is None else self.party.urn


class ApiKey(models.Model):
    """A secret that lets a program act in one membership; only its digest is kept."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="api_keys")
    label = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, unique=True)
    secret_sha256 = models.CharField(max_length=64)
    scopes = models.JSONField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=models.F("created_at")), name="api_key_expires_later")
        ]

    def __str__(self) -> str:
        return f"pc_{self.prefix}_…"
