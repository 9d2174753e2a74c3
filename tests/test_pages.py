"""What the pages say of the tree and of the API's reasons is so."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailstack_operator.api.conditions import Reason

ROOT = Path(__file__).parents[1]
ALL_PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "charts").rglob("*.md")])
# History names what was there at the time.
PAGES = [page for page in ALL_PAGES if page.name != "CHANGELOG.md" and page.parent.name != "adr"]
PATH = re.compile(r"`((?:operator|e2e|tests|charts|docs|examples|crds|images|requirements|\.ci|\.github)/[\w./*-]*)`")
MODULE = re.compile(r"`((?:api|cli|edge|kube|loop|stack)/[\w./]*|mailstack_probe/\w+\.py)`")


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def named(page: Path) -> Iterator[tuple[Path, str]]:
    """The paths that the page names in code, and the folder that they start from."""
    for path in PATH.findall(text(page)):
        yield ROOT, path
    for path in MODULE.findall(text(page)):
        yield ROOT / "operator" if path.startswith("mailstack_probe") else ROOT / "operator/mailstack_operator", path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    assert [path for folder, path in named(page) if not list(folder.glob(path))] == []


def test_pages_say_what_to_do_for_each_reason() -> None:
    pages = "".join(text(ROOT / "docs" / f"{name}.md") for name in ("operations", "failure-modes", "monitoring"))
    assert [reason for reason in Reason if f"`{reason}`" not in pages] == []


def test_architecture_describes_each_folder_of_the_package() -> None:
    folders = {path.parent.name for path in (ROOT / "operator" / "mailstack_operator").glob("*/__init__.py")}
    described = set(re.findall(r"^\| `(\w+)/` \|", text(ROOT / "docs" / "architecture.md"), re.MULTILINE))
    assert described == folders
