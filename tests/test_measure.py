"""What the measurement makes of what it saw."""

import pytest

from measure import control, times
from measure.timeline import reader
from measure.times import Row


@pytest.mark.parametrize(("percent", "number"), [(50, 10.0), (95, 19.0), (100, 20.0), (1, 1.0)])
def test_a_percentile_is_one_of_the_numbers(percent: float, number: float) -> None:
    assert times.percentile([float(each) for each in range(20, 0, -1)], percent) == number


def test_a_row_is_good_if_nineteen_of_twenty_are_in_time() -> None:
    row = Row("Dovecot killed", 3.0, [*[1.0] * 18, 3.0, 60.0])
    assert row.good
    assert row.line() == "| Dovecot killed | 20 | 1.00 s | 1.00 s | 3.00 s | 60.00 s | 3 s |"
    assert not Row("Dovecot killed", 3.0, [*[1.0] * 18, 3.1, 60.0]).good


ANSWERS = [(0.0, True), (10.0, False), (11.0, False), (20.0, False), (20.3, True), (30.0, False), (31.0, False)]


def test_an_outage_lasts_from_the_first_silence_to_the_last() -> None:
    assert times.outages(ANSWERS) == [(10.0, 20.0), (30.0, 31.0)]


@pytest.mark.parametrize(
    ("statuses", "wrong"),
    [
        ([(0.0, "True"), (12.0, "False"), (20.1, "True")], []),
        ([(0.0, "True"), (13.0, "True"), (15.0, "False"), (21.0, "True")], [2.0]),
        ([(0.0, "True"), (12.0, "False"), (18.0, "True")], [2.0]),
        ([(0.0, "True")], [7.0]),
        ([(0.0, "Unknown")], []),
    ],
)
def test_true_is_wrong_when_nobody_answered_for_longer_than_the_limit(
    statuses: times.Statuses, wrong: list[float]
) -> None:
    found = times.wrong(statuses, ANSWERS, 3.0)
    assert [min(each.until, each.still) - max(each.since, each.silent + 3.0) for each in found] == wrong


def test_what_was_wrong_is_told_from_the_first_silence_on() -> None:
    [found] = times.wrong([(0.0, "True"), (12.0, "False"), (18.0, "True"), (40.0, "False")], ANSWERS[:5], 3.0)
    assert str(found) == "True from +8.00 s to +30.00 s, Dovecot silent from 0 to +10.00 s"


def test_the_control_client_says_when_and_whether_it_was_answered() -> None:
    assert control.read("1700000000.25 1\n") == (1700000000.25, True)
    assert control.read("1700000000.25 0\n") == (1700000000.25, False)
    compile(control.SCRIPT, "control", "exec")


def test_of_a_mailstack_the_one_condition_is_read() -> None:
    read = reader("LMTPReachable", lambda: 5.0)
    assert read('{"object": {}}') is None
    line = '{"object": {"status": {"conditions": [{"type": "Ready", "status": "True"}, %s]}}}'
    assert read(line % '{"type": "LMTPReachable", "status": "False"}') == (5.0, "False")
