"""docs/health-checks.md: each row of its table, against kstatus and the script for Argo CD of the page."""

import re

import pytest
import yaml

from mailstack_operator.api.conditions import Condition
from mailstack_operator.kube.names import API_VERSION, KIND
from mailstack_operator.kube.objects import Json, Object, section
from mailstack_operator.loop import summary
from mailstack_operator.loop.errors import Stalled, Unfinished, Waiting
from mailstack_operator.loop.reports import Finding
from mailstack_operator.loop.stack_state import Status
from mailstack_operator.loop.summary import Outcome
from mailtest import health
from tests.test_project import ROOT

NOW = "2026-11-22T23:28:05Z"
TRUE, FALSE, UNKNOWN = (Condition("Check", value, "Reason", "a message") for value in ("True", "False", "Unknown"))


def stack(seen: Json, **metadata: Json) -> Object:
    """A MailStack of generation 2, as the API server sends it."""
    usual: Object = {"name": "mail", "namespace": "post", "generation": 2}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {**usual, **metadata}, "spec": {}, "status": seen}


def told(check: Condition = TRUE, unfinished: Unfinished | None = None, generation: int = 2) -> Object:
    """The status that the operator writes."""
    outcome = Outcome(unfinished, [Finding(check, counts=True)])
    return summary.summarize(outcome, generation, Status(), NOW).to_json()


def default() -> Json:
    """The status that the API server shows before anybody wrote one: the CRD's default, with those inside."""
    crd = yaml.safe_load((ROOT / "crds/mailstacks.yaml").read_text(encoding="utf-8"))
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    inside = {name: each["default"] for name, each in schema["properties"].items() if "default" in each}
    return {**inside, **schema["default"]} if "default" in schema else {}


# By the first words of the table's rows.
CASES = {
    "has no conditions": stack(default()),
    "was changed": stack(told(generation=1)),
    "is being created or changed": stack(told(unfinished=Waiting("PodNotReady", "pod mail-0 is starting"))),
    "needs a person": stack(told(unfinished=Stalled("InvalidSpec", "spec.domains: write one"))),
    "runs, but mail is not delivered": stack(told(FALSE)),
    "may run": stack(told(UNKNOWN)),
    "works": stack(told()),
    "is being deleted": stack(told(), deletionTimestamp=NOW),
}


def rows() -> list[tuple[str, str, str]]:
    """The table: the MailStack, kstatus, Argo CD."""
    found = re.findall(r"^\| (.+) \| (\w+) \| (\w+) \|$", health.DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    return [(case, kstatus, argo_cd) for case, kstatus, argo_cd in found]


def case_of(words: str) -> Object:
    return next(case for start, case in CASES.items() if words.startswith(start))


def test_each_case_is_a_row() -> None:
    assert len(rows()) == len(CASES)


def test_kstatus() -> None:
    assert health.kstatus([case_of(words) for words, _, _ in rows()]) == [kstatus for _, kstatus, _ in rows()]


@pytest.mark.parametrize(("words", "expected"), [(words, argo_cd) for words, _, argo_cd in rows()])
def test_argo_cd(words: str, expected: str) -> None:
    found = case_of(words)
    # Argo CD's own rule, which comes before the script: GetResourceHealth in gitops-engine's pkg/health/health.go.
    is_deleted = "deletionTimestamp" in section(found, "metadata")
    assert ("Progressing" if is_deleted else health.argo_cd(found)[0]) == expected


def test_argo_cd_shows_the_message_of_ready() -> None:
    assert health.argo_cd(CASES["needs a person"]) == ("Degraded", "spec.domains: write one")


def test_no_status_at_all_is_progressing() -> None:
    """An older CRD has no default."""
    found = stack({})
    del found["status"]
    assert health.argo_cd(found)[0] == "Progressing"
