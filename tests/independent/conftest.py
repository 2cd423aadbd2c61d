"""Other people's programs, ready for use."""

import pytest

from tests.independent.tools import build_tlogcheck


@pytest.fixture(scope="session")
def tlogcheck(tmp_path_factory):
    return build_tlogcheck(tmp_path_factory.mktemp("tlogcheck"))
