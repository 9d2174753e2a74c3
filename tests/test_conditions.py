"""The conditions and reasons of the status: each is documented, and each check is one that the probe makes."""

import pytest

from mailstack_operator.api.conditions import CHECKS, Check, ConditionType, Reason, WarningReason
from mailstack_operator.loop.errors import Stalled
from mailstack_operator.loop.stack_state import Status
from mailstack_operator.loop.summary import Outcome, summarize
from mailstack_probe import reasons
from tests.test_project import ROOT

DOCS = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md") if path.name != "api.md")


@pytest.mark.parametrize("word", [*Reason, *ConditionType, *WarningReason, *reasons.WarningReason])
def test_each_word_of_the_status_is_in_the_docs(word: str) -> None:
    assert f"`{word}`" in DOCS or f"`{word}=" in DOCS


@pytest.mark.parametrize("word", [*Reason, *ConditionType, *WarningReason, *reasons.WarningReason])
def test_each_word_has_a_meaning(word: reasons.Documented) -> None:
    assert str(word.__doc__).endswith(".")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_probe_has_reasons_for_each_check(check: Check) -> None:
    assert reasons.BY_CHECK[check.name]


def test_the_probe_makes_no_check_that_the_status_has_no_field_for() -> None:
    assert {*reasons.BY_CHECK} == {check.name for check in CHECKS}


def test_no_message_is_longer_than_the_schema_has_room_for() -> None:
    """Fault: the API server refuses such a status as a whole, so that the old one, such as Ready=True, stays."""
    status = summarize(Outcome(Stalled(Reason.INVALID_SPEC, "x" * 40_000), []), 1, Status(), "2026-01-01T00:00:00Z")
    assert {len(condition.message) > 32768 for condition in status.conditions} == {False}
