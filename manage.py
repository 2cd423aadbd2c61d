"""Django's command line."""

from __future__ import annotations

import sys

from django.core.management import execute_from_command_line

from config.env import SettingError, use_settings


def main() -> None:
    """Run one command; a malformed setting is told in one line."""
    use_settings()
    try:
        execute_from_command_line(sys.argv)
    except SettingError as error:
        sys.exit(f"manage.py: {error}")


if __name__ == "__main__":
    main()
