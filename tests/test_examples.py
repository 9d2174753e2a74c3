"""Every feature has an example and a page of the same name; what the page shows is what the file holds."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FEATURES = {path.stem: path for path in sorted((ROOT / "examples" / "features").glob("*.yaml"))}


def _shown(path: Path) -> list[str]:
    """The documents of an example that its page shows: all but Secrets, without the comments at their head."""
    documents = path.read_text(encoding="utf-8").split("---\n")
    return [_without_head(each) for each in documents if "\nkind: Secret\n" not in each]


def _without_head(document: str) -> str:
    return document[document.index("apiVersion:") :]


@pytest.mark.parametrize("name", FEATURES)
def test_the_page_shows_the_example_as_it_is(name: str) -> None:
    page = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    for document in _shown(FEATURES[name]):
        assert document in page


@pytest.mark.parametrize("name", FEATURES)
def test_the_readme_leads_to_the_page_and_the_page_to_the_example(name: str) -> None:
    assert f"docs/{name}.md" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"examples/features/{name}.yaml" in (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def test_the_page_on_the_internet_shows_its_example() -> None:
    page = (ROOT / "docs" / "internet.md").read_text(encoding="utf-8")
    (document,) = _shown(ROOT / "examples" / "internet.yaml")
    assert document in page
