"""The commits of the branch: one line of history, and subjects that a log of one line each can show."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
# The last commit before the rule.
BASE = "10d8ca139a62a51cec12cbc90a04dac3ee0181fb"


def git(*arguments: str) -> list[str]:
    """The lines that git prints. Fails in a shallow clone, which lacks BASE: `git fetch --unshallow`."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True, timeout=30)
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def rule() -> re.Pattern[str]:
    """The pattern of the hook for commit messages, which pre-commit searches in the whole message."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    (entry,) = (hook["entry"] for hook in hooks if hook["id"] == "subject")
    return re.compile(entry, re.MULTILINE | re.DOTALL)


def test_every_subject_since_the_rule_keeps_it(rule: re.Pattern[str]) -> None:
    subjects = git("log", "--format=%s", f"{BASE}..HEAD")
    assert [subject for subject in subjects if not rule.search(subject)] == []


def test_history_has_no_merges_since_the_rule() -> None:
    assert git("log", "--merges", "--format=%h %s", f"{BASE}..HEAD") == []


@pytest.mark.parametrize(
    "message",
    ["probe: name the stage of a refusal\n", "chart: add a value\n\nWhy it is needed.\n", "docs: " + "x" * 66],
)
def test_rule_takes(rule: re.Pattern[str], message: str) -> None:
    assert rule.search(message)


@pytest.mark.parametrize(
    "message",
    [
        "Name the stage of a refusal\n",
        "probe: Name the stage\n",
        "probe: name the stage.\n",
        "probe:name the stage\n",
        "docs: " + "x" * 67 + "\n",
        "Name the stage\n\nprobe: not in the subject\n",
        "",
    ],
)
def test_rule_refuses(rule: re.Pattern[str], message: str) -> None:
    assert not rule.search(message)
