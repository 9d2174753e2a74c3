"""docs/release.md: the version is written in one place, and what cannot read it there says the same."""

import re
from pathlib import Path

import yaml

from harness import images
from mailstack_operator import __version__
from mailstack_operator.stack import topology

ROOT = Path(__file__).parents[1]


def test_chart_has_the_version() -> None:
    chart = yaml.safe_load((ROOT / "charts" / "mailstack-operator" / "Chart.yaml").read_text(encoding="utf-8"))
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__), "run 'make version'"


def test_images_have_the_version() -> None:
    operator = next(image for image in images.images() if image.name == "operator")
    assert topology.DEFAULT_OPERATOR_IMAGE == operator.reference == f"mailstack/operator:{__version__}"


def test_changelog_has_a_section_for_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)", changelog, re.MULTILINE)[:2] == ["Unreleased", __version__]
