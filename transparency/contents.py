"""Which digest our formats give to bytes, as auditors see it."""

from priorconsent.contents import is_content

__all__ = ["is_content"]
