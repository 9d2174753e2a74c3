"""docs/failure-modes.md holds the table of the faults that the end-to-end tests make."""

from pathlib import Path

from mailtest import faults

PAGE = Path(__file__).parents[1] / "docs" / "failure-modes.md"


def test_the_page_holds_the_table_of_the_tests() -> None:
    assert faults.table() in PAGE.read_text(encoding="utf-8")


def test_each_fault_stands_once() -> None:
    names = [fault.name for fault in faults.FAULTS]
    assert len(set(names)) == len(names)
