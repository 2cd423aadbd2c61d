"""The page on who can cheat how names tests that exist, and every cheat in its tables has one."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/threat-model.md").read_text()
NAMED = re.findall(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`", PAGE)


def functions_of(path):
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_it_names_is_there():
    assert len(NAMED) > 30
    assert [f"{path}::{name}" for path, name in NAMED if name not in functions_of(path)] == []


def test_every_row_names_a_test():
    tables = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    rows = [row for table in tables for row in table.splitlines() if row.startswith("| ") and "---" not in row]
    headers = [row for row in rows if row.endswith("| Test |")]
    assert headers
    assert [row[:60] for row in rows if row not in headers and "::test_" not in row] == []
