"""Who may act for whom."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import Membership, User
from priorconsent.errors import MalformedError


@transaction.atomic
def add_member(email: str, role: Membership.Role, party: UUID | None) -> Membership:
    """Let a user act for a party, or run the registry; doing it again changes nothing.

    Args:
        party: ``None`` for operators, and for nobody else.

    Raises:
        MalformedError: no e-mail address, or a party that does not fit the role.
    """
    if (party is None) != (role == Membership.Role.OPERATOR):
        raise MalformedError("operators act for no party; everybody else acts for one")
    try:
        user = User.objects.filter(email=email.strip().lower()).first() or User.objects.create_user(email)
    except ValidationError as error:
        raise MalformedError(" ".join(error.messages)) from None
    return Membership.objects.get_or_create(user=user, party=party, role=role)[0]
