"""Runs promtool on the chart's alerts: what fires when the series of a healthy MailStack change."""

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import helm

RULES = helm.CHART / "files/alerts.yaml"
SECONDS = 60

#: The values of a series, as promtool writes them: `1x9` is ten times 1, `0+1x9` counts from 0 to 9, `_` is none.
Series = Mapping[str, str]


class PromtoolMissingError(Exception):
    """There is no promtool to test the alerts with."""


@cache
def program() -> str:
    """Path of promtool. Raises PromtoolMissingError: an alert that was never seen to fire is none."""
    found = shutil.which("promtool")
    if not found:
        raise PromtoolMissingError("No promtool on PATH: `PYTHONPATH=e2e python3 -m harness tools` brings one.")
    return found


def run(*arguments: str) -> str:
    """What promtool says; an AssertionError with its words if it fails."""
    done = subprocess.run([program(), *arguments], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"promtool {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Case:
    """What the rules make of `series`, one sample per half minute; `kind` is promtool's kind of expectation."""

    name: str
    series: Series
    kind: str
    expectations: Sequence[Mapping[str, object]]

    def document(self) -> dict[str, object]:
        series = [{"series": name, "values": values} for name, values in self.series.items()]
        return {"name": self.name, "interval": "30s", "input_series": series, self.kind: self.expectations}


def check(folder: Path, cases: Iterable[Case]) -> None:
    """Asserts all cases in one run, which is several times faster; a failure has the name of its case."""
    tests = [case.document() for case in cases]
    file = folder / "test.json"
    # promtool reads YAML, of which JSON is a part.
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "30s", "tests": tests}))
    run("test", "rules", str(file))
