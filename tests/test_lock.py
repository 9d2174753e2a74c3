"""`make lock`: the pins follow pyproject.toml, and with UPGRADE=1 pyproject.toml follows the package index."""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
# An index in which every package has version 9.9, and two of them another for older Pythons.
UV = """#!/bin/sh
for word; do [ "$previous" != --output-file ] || file=$word; previous=$word; done
if [ -z "$file" ]; then
  tr 'A-Z_' 'a-z-' | sed -e 's/$/==9.9/' -e "s/^sphinx==.*/sphinx==9.0.9 ; python_full_version < '3.12'\\nsphinx==9.9/"
else
  echo pinned==1 > "$file"
fi
"""


def _locked(folder: Path, upgrade: str) -> dict[str, str]:
    """The versions that pyproject.toml asks for after `make lock`, by package."""
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    program = folder / "bin" / "uv"
    program.parent.mkdir()
    program.write_text(UV)
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "UPGRADE": upgrade}
    subprocess.run([folder / "requirements" / "lock"], env=environment, check=True, timeout=60)
    assert (folder / "requirements" / "operator.txt").read_text().endswith("pinned==1\n")
    return _asked(folder)


def _asked(folder: Path) -> dict[str, str]:
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    extra = project["project"]["optional-dependencies"]
    asked = [*project["build-system"]["requires"], *project["project"]["dependencies"], *extra["dev"], *extra["docs"]]
    return {name: version for name, _, version in (one.partition("==") for one in asked)}


def test_upgrade_asks_for_the_newest_that_the_oldest_python_takes(tmp_path: Path) -> None:
    wanted = dict.fromkeys(_asked(ROOT), "9.9") | {"Sphinx": "9.0.9"}
    assert _locked(tmp_path, "1") == wanted


def test_without_upgrade_what_is_asked_for_stays(tmp_path: Path) -> None:
    assert _locked(tmp_path, "") == _asked(ROOT)
