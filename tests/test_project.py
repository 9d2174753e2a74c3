"""What is true of the tree as a whole."""

import re
import subprocess
from pathlib import Path

import pytest

from mailstack_operator.api.conditions import CHECKS, Check

ROOT = Path(__file__).parents[1]


def tracked(*patterns: str) -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=30).stdout
    return [ROOT / name for name in names.splitlines() if (ROOT / name).is_file()]


def test_no_python_file_stands_directly_in_operator() -> None:
    """It would shadow the standard library's `operator`."""
    assert list((ROOT / "operator").glob("*.py")) == []


def importers(module: str) -> list[str]:
    pattern = re.compile(rf"^\s*(?:import|from) {module}\b", re.MULTILINE)
    return [path.name for path in tracked("operator/*.py") if pattern.search(path.read_text(encoding="utf-8"))]


def test_one_file_imports_kopf_and_one_the_client() -> None:
    assert (importers("kopf"), importers("kubernetes")) == (["watches.py"], ["api_server.py"])


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_one_module_has_the_name_of_a_checks_condition(check: Check) -> None:
    files = [path.name for path in tracked("operator/*.py") if check.condition in path.read_text(encoding="utf-8")]
    assert files == ["conditions.py"]


def test_no_test_is_skipped() -> None:
    mark = re.compile(r"mark\.(skip|xfail)|pytest\.(skip|xfail|importorskip)")
    files = [path for path in tracked("tests/*.py", "e2e/*.py") if path != Path(__file__)]
    assert [path.name for path in files if mark.search(path.read_text(encoding="utf-8"))] == []


def test_no_file_is_a_binary() -> None:
    assert [path.name for path in tracked() if b"\0" in path.read_bytes()] == []
