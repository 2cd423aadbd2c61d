"""``python -m priorconsent.cli`` does what the command ``priorconsent`` does."""

import sys

from priorconsent.cli import main

sys.exit(main())
