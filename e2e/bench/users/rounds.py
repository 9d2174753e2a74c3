"""A round: all MailStacks are asked the same."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from bench.users import ask
from bench.users.figures import UsersFigure
from bench.users.sources import CANARY, Holder
from mailstack_probe.directory import Directory, role_addresses
from mailstack_probe.directory_verdicts import Account, Answer

# Questions of each kind in a round, each about another user, of whom the smallest has as many.
QUESTIONS = 100
# How far apart those users are. It is a prime, so that no user is met twice.
_STEP = 7919


@dataclass(frozen=True)
class Asked:
    """Seconds of one question of each kind, of Dovecot's processors for all, and of its start; bytes of its memory."""

    recipient: float
    login: float
    delivery: float
    cpu: float
    start: float
    memory: float

    def figures(self, least: "Asked") -> Mapping[UsersFigure, float]:
        return {
            UsersFigure.ASKED: self.recipient / least.recipient,
            UsersFigure.LOGIN: self.login / least.login,
            UsersFigure.DELIVERY: self.delivery / least.delivery,
            UsersFigure.CPU: self.cpu / least.cpu,
            UsersFigure.START: self.start / least.start,
            UsersFigure.MEMORY: self.memory / least.memory,
        }


def one_round(holders: Sequence[Holder]) -> list[Asked]:
    """Each question is asked of every holder before the next, so that all meet the same machine. Raises HarnessError,
    OSError."""
    starts = [_start_seconds(holder) for holder in holders]
    before = [_cpu_seconds(holder) for holder in holders]
    recipients = _medians(holders, lambda holder, user: ask.recipient(holder.lmtp, user))
    logins = _medians(holders, lambda holder, user: ask.login(holder.pod.address, user))
    deliveries = _medians(holders, lambda holder, user: ask.deliver(holder.lmtp, user))
    used = [_cpu_seconds(holder) - each for holder, each in zip(holders, before, strict=True)]
    memory = [holder.pod.memory("dovecot") for holder in holders]
    return [Asked(*each) for each in zip(recipients, logins, deliveries, used, starts, memory, strict=True)]


def _medians(holders: Sequence[Holder], question: Callable[[Holder, str], None]) -> list[float]:
    """Seconds that a question takes, by holder."""
    taken: list[list[float]] = [[] for _ in holders]
    for each in range(QUESTIONS):
        for holder, seconds in zip(holders, taken, strict=True):
            began = time.monotonic()
            question(holder, holder.user(each * _STEP))
            seconds.append(time.monotonic() - began)
    return [*map(statistics.median, taken)]


def _cpu_seconds(holder: Holder) -> float:
    return holder.pod.cpu_seconds("dovecot")


def _start_seconds(holder: Holder) -> float:
    holder.pod.restart("dovecot")
    began = time.monotonic()
    ask.until_known(holder.lmtp, holder.user(1))
    return time.monotonic() - began


@dataclass(frozen=True)
class Work:
    """Seconds of Dovecot's processors and of the database's for so many users."""

    users: int
    dovecot: float
    database: float

    def of(self, users: int) -> tuple[float, float]:
        """For so many, by the same rate."""
        return self.dovecot * users / self.users, self.database * users / self.users


def listed(holder: Holder, most: int) -> Work:
    """What `kubectl mailstack users` asks, for the first `most` users. Raises Problem."""
    return _work(holder, lambda: sum(1 for _ in islice(_directory(holder).users(), most)))


def checked(holder: Holder, most: int) -> Work:
    """What its `--check` asks. Raises Problem."""
    users = [holder.user(each * _STEP) for each in range(most)]
    return _work(holder, lambda: sum(_is_good(each) for each in _directory(holder).accounts(users)))


def _work(holder: Holder, do: Callable[[], int]) -> Work:
    dovecot, database = _cpu_seconds(holder), holder.database_seconds()
    users = do()
    return Work(users, _cpu_seconds(holder) - dovecot, holder.database_seconds() - database)


def _is_good(account: Account) -> bool:
    return account.mail is Answer.FOUND and account.login is Answer.FOUND


def _directory(holder: Holder) -> Directory:
    return Directory(holder.user_list, role_addresses(["example.org"], CANARY, CANARY), CANARY)
