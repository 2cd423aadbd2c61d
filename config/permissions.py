"""What holds for a view that says nothing."""

from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView


class Nobody(BasePermission):
    """Refuses everyone: a view has to name those whom it serves."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Always no."""
        return False
