"""Other people's programs, ready for use."""

import pytest

from tests.independent.tools import build_tlogcheck
from tests.transparency.conftest import folder, three_witnesses, witnessed, witnesses

__all__ = ["folder", "three_witnesses", "tlogcheck", "witnessed", "witnesses"]


@pytest.fixture(scope="session")
def tlogcheck(tmp_path_factory):
    return build_tlogcheck(tmp_path_factory.mktemp("tlogcheck"))
