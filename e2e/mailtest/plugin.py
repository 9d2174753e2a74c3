"""`kubectl mailstack`, run by kubectl itself."""

import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from harness import paths

SOURCES = paths.repository() / "operator"
_PROJECT = tomllib.loads((paths.repository() / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_MODULE, _FUNCTION = _PROJECT["scripts"]["kubectl-mailstack"].split(":")
# What pip makes of the entry point.
_PROGRAM = f"#!{sys.executable}\nfrom {_MODULE} import {_FUNCTION}\n{_FUNCTION}()\n"


def install(folder: Path) -> None:
    """Put kubectl-mailstack into the folder; it needs SOURCES in PYTHONPATH."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "kubectl-mailstack"
    program.write_text(_PROGRAM, encoding="utf-8")
    program.chmod(0o755)


@dataclass(frozen=True)
class Plugin:
    """kubectl with a folder on PATH that holds kubectl-mailstack."""

    folder: Path
    namespace: str

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`kubectl mailstack COMMAND NAME ...` in the namespace, for a terminal that is 120 columns wide."""
        usual = paths.environment()
        path = {"PATH": f"{self.folder}{os.pathsep}{usual['PATH']}", "PYTHONPATH": str(SOURCES)}
        command = ["kubectl", "mailstack", *words, f"--namespace={self.namespace}"]
        environment = {**usual, **path, "COLUMNS": "120"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)
        assert "Traceback" not in done.stderr
        return done

    def screen(self, *words: str) -> str:
        """What a command prints that ends well."""
        done = self(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
