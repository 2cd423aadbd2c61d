"""The stage and its cast."""

from tests.stage import cast, committed_cast, folder, openings

__all__ = ["cast", "committed_cast", "folder", "openings"]
