"""Every manifest of tests/data/bad is refused with words that say what to write."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import NewNamespace
from harness import paths
from mailtest import manifests
from mailtest.command import CommandError
from mailtest.kubectl import Kubectl
from mailtest.stack import Stack

FOLDER = paths.repository() / "tests" / "data" / "bad"


@dataclass(frozen=True)
class Case:
    """A manifest with one mistake; its head says who refuses it and with which words."""

    path: Path

    def said(self, key: str) -> list[str]:
        """The values of the comment lines `# key: value`."""
        mark = f"# {key}: "
        lines = self.path.read_text().splitlines()
        return [line.removeprefix(mark) for line in lines if line.startswith(mark)]


CASES = [Case(path) for path in sorted(FOLDER.glob("*.yaml"))]
BY_APPLY = [case for case in CASES if case.said("refused-by") == ["apply"]]
BY_OPERATOR = [case for case in CASES if case.said("refused-by") == ["operator"]]


@pytest.fixture(scope="module")
def kubectl(new_namespace: NewNamespace) -> Kubectl:
    return new_namespace("bad")


def test_every_case_says_who_refuses_it() -> None:
    """Fault: a misspelt head would leave a case untested."""
    assert len(BY_APPLY) + len(BY_OPERATOR) == len(CASES) > 100
    assert all(case.said("expect") for case in CASES)


@pytest.fixture(scope="module")
def refusals(kubectl: Kubectl) -> dict[Path, str]:
    """What one `kubectl apply` of all of them says of each file; it goes on after a refusal."""
    with pytest.raises(CommandError) as refusal:
        kubectl("apply", *(f"--filename={case.path}" for case in BY_APPLY))
    found = re.split(r"^(?=Error from server)", refusal.value.stderr, flags=re.MULTILINE)
    return {Path(match[1]): text for text in found if (match := re.search(r'error when creating "([^"]+)": ', text))}


@pytest.mark.parametrize("case", BY_APPLY, ids=lambda case: case.path.stem)
def test_kubectl_apply_refuses(refusals: dict[Path, str], case: Case) -> None:
    """Promise: what the schema and CEL can know is refused before it is stored."""
    assert case.path in refusals, "it was not refused"
    for words in case.said("expect"):
        assert words in refusals[case.path]
    # A rule over several fields that fails because of what one of them holds.
    assert "evaluating rule" not in refusals[case.path]


def test_an_unquoted_number_is_a_parameter(kubectl: Kubectl) -> None:
    number = manifests.mailstack(postfix={"parameters": {"message_size_limit": 52428800}})
    assert "created" in kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(number))


def test_nothing_that_was_refused_is_stored(kubectl: Kubectl, refusals: dict[Path, str]) -> None:
    assert len(refusals) == len(BY_APPLY)
    assert kubectl.list("mailstacks") == []


@pytest.mark.parametrize("case", BY_OPERATOR, ids=lambda case: case.path.stem)
def test_the_operator_refuses_the_rest(kubectl: Kubectl, case: Case) -> None:
    """Promise: what the API server cannot know is Stalled, with the same words, and nothing is made."""
    kubectl("apply", "-f", str(case.path))
    stack = Stack(kubectl.namespace, "bad")
    try:
        stalled = stack.wait_condition("Stalled", "True", "^InvalidSpec: ", 60)
        conditions = stack.conditions()
        assert (conditions["Ready"]["status"], conditions["ConfigValid"]["status"]) == ("False", "False")
        for words in case.said("expect"):
            assert words in stalled["message"]
        assert stack.children() == []
    finally:
        kubectl.delete("mailstack", "bad")
