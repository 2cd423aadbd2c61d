"""The stage and its cast."""

from tests.stage import cast, committed_cast, folder

__all__ = ["cast", "committed_cast", "folder"]
