"""docs/failure-modes.md holds the table of the faults that the end-to-end tests make."""

from pathlib import Path

from mailstack_probe.reasons import Reason
from mailtest import faults

PAGE = Path(__file__).parents[1] / "docs" / "failure-modes.md"


def test_the_page_holds_the_table_of_the_tests() -> None:
    assert faults.table() in PAGE.read_text(encoding="utf-8")


def test_each_fault_stands_once() -> None:
    names = [fault.name for fault in faults.FAULTS]
    assert len(set(names)) == len(names)


def test_every_fault_that_is_recorded_is_one_of_the_list() -> None:
    assert faults.measured().keys() <= {fault.name for fault in faults.FAULTS}


def test_the_page_holds_every_reason_of_the_probe() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert not [reason for reason in Reason if f"`{reason}`" not in page]
