"""The table of docs/users-sql.md is the one of the end-to-end tests and of the bench."""

import re
from pathlib import Path

import pytest

from bench.users.sources import TABLE
from mailtest import sources

PAGE = Path(__file__).parents[1] / "docs" / "users-sql.md"


def columns(text: str) -> dict[str, str]:
    """By its name, the definition of each column of the table `users`."""
    (table,) = re.findall(r"CREATE TABLE users \((.*?)\);", re.sub("--.*", "", text), re.DOTALL)
    named = (column.split(maxsplit=1) for column in table.split(","))
    return {name: " ".join(definition.split()) for name, definition in named}


def types(text: str) -> dict[str, str]:
    """By its name, the type of each column; the page says which one MySQL has for text."""
    return {name: definition.split()[0].replace("varchar(255)", "text") for name, definition in columns(text).items()}


def test_the_bench_measures_the_table_of_the_page() -> None:
    assert columns(TABLE) == columns(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_the_servers_of_the_end_to_end_tests_have_the_columns_of_the_page(kind: str) -> None:
    assert types(sources.KINDS[kind].users()) == types(PAGE.read_text(encoding="utf-8"))
