"""What holds for a view that says nothing."""

from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class Nobody(BasePermission):
    """Refuses everyone: a view has to name those whom it serves."""

    def has_permission(self, _request: Request, _view: object) -> bool:
        """Always no."""
        return False
