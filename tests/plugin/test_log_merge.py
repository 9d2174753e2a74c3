"""The logs of Postfix and Dovecot as one: each container's own order, and a cause before its effects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from mailstack_operator.cli.plugin.parsing.log_line import Line
from mailstack_operator.cli.plugin.parsing.log_merge import merge_logs

START = datetime(2026, 11, 22, 23, 28, tzinfo=UTC)
# The steps of a delivery in the order of their causes.
STEPS = (
    ("postfix", "postfix/smtpd[1]: {id}: client=a[192.0.2.1]"),
    ("postfix", "postfix/qmgr[2]: {id}: from=<s@example.net>, size=9, nrcpt=1 (queue active)"),
    ("dovecot", "lmtp(a@example.org)<3><{session}>: Info: sieve: stored mail into mailbox 'Lists'"),
    ("dovecot", "lmtp(a@example.org)<3><{session}>: Info: msgid=<{id}@example.net>: saved mail to INBOX"),
    (
        "postfix",
        "postfix/lmtp[4]: {id}: to=<a@example.org>, relay=mail.example.org[private/dovecot-lmtp], delay=1, "
        "delays=1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 <a@example.org> {session} Saved)",
    ),
    ("postfix", "postfix/qmgr[2]: {id}: removed"),
)


@dataclass(frozen=True)
class History:
    """Deliveries as they happened, and what each container's log holds of them."""

    happened: Sequence[Line]

    @property
    def logs(self) -> list[list[Line]]:
        places = sorted({(line.pod, line.container) for line in self.happened})
        return [[line for line in self.happened if (line.pod, line.container) == place] for place in places]


def steps(delivery: int, pod: str) -> list[Line]:
    names = {"id": f"A{delivery}", "session": f"S{delivery // 2}" + ":R2" * (delivery % 2)}
    return [Line(START, pod, container, text.format(**names)) for container, text in STEPS]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Up to six deliveries at once in two pods; times may err by some milliseconds, but not within a container."""
    waiting = [
        steps(delivery, draw(st.sampled_from(["mail-0", "mail-1"]))) for delivery in range(draw(st.integers(1, 6)))
    ]
    happened: list[Line] = []
    clocks: dict[tuple[str, str], datetime] = {}
    while waiting := list(filter(None, waiting)):
        line = draw(st.sampled_from(waiting)).pop(0)
        seen = START + timedelta(milliseconds=len(happened) + draw(st.integers(0, 20)))
        clocks[line.pod, line.container] = time = max(seen, clocks.get((line.pod, line.container), START))
        happened.append(Line(time, line.pod, line.container, line.text))
    return History(happened)


@given(histories())
def test_each_container_keeps_its_order(history: History) -> None:
    assert History(merge_logs(history.logs)).logs == history.logs


@given(histories())
def test_the_steps_of_a_delivery_are_in_the_order_of_their_causes(history: History) -> None:
    texts = [line.text for line in merge_logs(history.logs)]
    for delivery in range(6):
        places = [texts.index(step.text) for step in steps(delivery, "") if step.text in texts]
        assert places == sorted(places)


@given(histories(), st.randoms())
def test_the_order_of_the_logs_does_not_matter(history: History, shuffler: Random) -> None:
    shuffled = history.logs
    shuffler.shuffle(shuffled)
    assert merge_logs(shuffled) == merge_logs(history.logs)


def logs_of(container: str) -> st.SearchStrategy[list[Line]]:
    """Any words at ascending times."""
    times = st.integers(0, 9).map(lambda seconds: START + timedelta(seconds=seconds))
    line = st.builds(Line, times, st.just("mail-0"), st.just(container), st.text())
    return st.lists(line).map(lambda found: sorted(found, key=lambda line: line.time))


@given(logs_of("postfix"), logs_of("dovecot"))
def test_lines_that_name_no_delivery_are_ordered_by_time(postfix: list[Line], dovecot: list[Line]) -> None:
    merged = merge_logs([postfix, dovecot])
    assert all(first.time <= second.time for first, second in pairwise(merged))
    assert len(merged) == len(postfix) + len(dovecot)


def stamped(milliseconds: int, step: int, delivery: int) -> Line:
    line = steps(delivery, "mail-0")[step]
    return Line(START + timedelta(milliseconds=milliseconds), line.pod, line.container, line.text)


def test_a_delivery_precedes_the_report_of_postfix_even_with_a_later_time() -> None:
    sent, removed, saved = stamped(0, 4, 0), stamped(1, 5, 0), stamped(2, 3, 0)
    assert merge_logs([[sent, removed], [saved]]) == [saved, sent, removed]


def test_a_delivery_follows_the_activation_of_its_message() -> None:
    active, sent, saved = stamped(9, 1, 0), stamped(10, 4, 0), stamped(0, 3, 0)
    assert merge_logs([[active, sent], [saved]]) == [active, saved, sent]


def test_causes_in_a_circle_lose_no_line() -> None:
    """Dovecot's log holds two sessions in the order in which they cannot have been."""
    postfix = [stamped(1, 4, 0), stamped(2, 1, 2), stamped(3, 4, 2)]
    dovecot = [stamped(0, 3, 2), stamped(0, 3, 0)]
    merged = merge_logs([postfix, dovecot])
    assert [line for line in merged if line in postfix] == postfix
    assert [line for line in merged if line in dovecot] == dovecot
