"""When an entry is written, and since when its verdicts hold."""

import threading

import pytest

from mailstack_probe.board import Board, Part
from mailstack_probe.pacing import AGAIN, BURST, PARTLY_AGAIN, REFILL, Pacer
from mailstack_probe.reasons import Reason
from mailstack_probe.verdicts import Patience, bad, good, unknown

UP = good(Reason.REACHABLE, "it answers")
DOWN = bad(Reason.NO_SOCKET, "there is no socket")


def lmtp(board: Board) -> Part:
    part = board.parts()["lmtp"]
    assert isinstance(part, dict)
    return part


def parts(number: int) -> dict[str, Part]:
    return {"lmtp": {"reason": str(number)}}


def test_news_is_written_at_once() -> None:
    assert Pacer(0.0).due(parts(1), 0.0) <= 0


def test_what_was_written_is_written_again_after_minutes() -> None:
    pacer = Pacer(0.0)
    pacer.written(parts(1), 10.0)
    assert pacer.due(parts(1), 10.0) == AGAIN
    assert pacer.due(parts(1), 10.0 + AGAIN) <= 0


def test_what_was_written_in_part_is_written_again_soon() -> None:
    """Fault: the API server answers 500 once, and the other checks would be unknown for hours."""
    pacer = Pacer(0.0)
    pacer.written(parts(1), 10.0, is_whole=False)
    assert pacer.due(parts(1), 10.0) == PARTLY_AGAIN
    pacer.written(parts(1), 10.0 + PARTLY_AGAIN)
    assert pacer.due(parts(1), 10.0 + PARTLY_AGAIN) == AGAIN


def test_flapping_is_written_seldom_and_its_last_state_in_the_end() -> None:
    pacer, writes = Pacer(0.0), 0
    for second in range(60):
        if pacer.due(parts(second), float(second)) <= 0:
            pacer.written(parts(second), float(second))
            writes += 1
    assert writes <= BURST + 60 / REFILL
    assert 0 < pacer.due(parts(99), 59.0) <= REFILL


def test_a_failure_is_retried_at_most_five_seconds_later() -> None:
    pacer, waits = Pacer(0.0), []
    for _ in range(6):
        pacer.failed(0.0)
        waits.append(pacer.due(parts(1), 0.0))
    assert waits == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    pacer.written(parts(1), 5.0)
    assert pacer.due(parts(2), 5.0) <= 0


def test_since_is_the_last_change_of_status_or_reason() -> None:
    now = 1_700_000_000.7
    board = Board(lambda: now)
    assert board.put("lmtp", UP)
    now += 60
    assert not board.put("lmtp", UP)
    assert board.parts() == {
        "lmtp": {"status": "True", "reason": "Reachable", "message": "it answers", "since": "2023-11-14T22:13:20Z"}
    }
    assert board.put("lmtp", DOWN)
    assert lmtp(board)["since"] == "2023-11-14T22:14:20Z"


def test_other_words_alone_are_news_after_a_minute_only() -> None:
    now = 0.0
    board = Board(lambda: now)
    board.put("lmtp", UP)
    before = lmtp(board)
    now = 30.0
    assert not board.put("lmtp", good(Reason.REACHABLE, "other words"))
    assert lmtp(board) == before
    now = 61.0
    assert not board.put("lmtp", good(Reason.REACHABLE, "other words"))
    assert lmtp(board) == {**before, "message": "other words"}


def test_news_ends_the_wait_for_it() -> None:
    board = Board()
    board.put("lmtp", UP)
    waiting = threading.Thread(target=board.wait, args=(board.parts(), 30.0))
    waiting.start()
    board.put("lmtp", DOWN)
    waiting.join(10)
    assert not waiting.is_alive()


@pytest.mark.parametrize("known", [{}, {"lmtp": {"reason": "NoSocket"}}])
def test_news_from_before_the_wait_is_not_waited_for(known: dict[str, Part]) -> None:
    board = Board()
    board.put("lmtp", UP)
    board.wait(known, 600.0)


def test_servers_have_time_to_start_until_all_was_well_once() -> None:
    patience = Patience(10.0)
    early = patience.temper(DOWN, 1.0)
    assert (early.status, early.reason) == ("Unknown", "Starting")
    assert DOWN.message in early.message
    assert patience.temper(unknown(Reason.PENDING, ""), 1.0).reason == "Pending"
    assert patience.temper(UP, 2.0) == UP
    assert patience.temper(DOWN, 3.0) == DOWN
    assert Patience(10.0).temper(DOWN, 10.0) == DOWN
