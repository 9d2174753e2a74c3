"""The reasons that checks report."""

import re

import pytest

from mailstack_probe.reasons import BY_CHECK, Reason


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_one_word_with_a_meaning_and_of_a_check(reason: Reason) -> None:
    assert re.fullmatch(r"([A-Z]+[a-z]*)+", reason)
    assert (reason.__doc__ or "").endswith(".")
    assert any(reason in reasons for reasons in BY_CHECK.values())


def test_no_check_names_a_reason_twice() -> None:
    assert all(len(reasons) == len(set(reasons)) for reasons in BY_CHECK.values())
