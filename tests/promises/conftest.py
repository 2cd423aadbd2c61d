"""The stage and its cast, asked through the server by what it published."""

from tests.stage import cast, folder, openings

__all__ = ["cast", "folder", "openings"]
