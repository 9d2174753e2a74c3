"""What every check is, and what those of one pod share: the board, and the news that they wake each other by."""

import enum
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import ClassVar

from mailstack_probe import verdicts
from mailstack_probe.board import Board
from mailstack_probe.contract import ProbeOptions
from mailstack_probe.loops import Loop
from mailstack_probe.reasons import BY_CHECK, Reason
from mailstack_probe.verdicts import Patience, Verdict

# Seconds between two checks: of a Dovecot that is away, of LMTP, and of the others while nothing changes.
SOON = 1.0
OFTEN = 2.0
SELDOM = 30.0
# Of what is read from files alone, and of what costs about as little.
READ_OFTEN = 5.0
# Seconds that the servers have to start.
GRACE = 10.0


class Topic(enum.Enum):
    """What one check learns and others act on at once."""

    LMTP = "there is another verdict on LMTP"
    DOVECOT = "Dovecot ended the session that is held with it"
    USERS = "there is another report on the users file"
    STORE = "the mail volume can be written to, or no more"
    INODES = "the queue's volume lacks inodes, or no more"
    PORT = "Postfix listens, or no more"
    FILTER = "there is another verdict on the filter"
    VERIFICATION = "there is another verdict on address verification"
    SESSIONS = "the last session for mail programs was taken, or given back"
    CONFIGURATION = "the pod uses another configuration"


#: What has nearly every check made anew.
ANEW = frozenset({Topic.LMTP, Topic.CONFIGURATION})


class Pod:
    """What the checks of one pod share."""

    def __init__(self, options: ProbeOptions, board: Board) -> None:
        self.options = options
        self.board = board
        #: The verdict on address verification in each domain.
        self.domains: Mapping[str, Verdict] = {}
        start = time.monotonic()
        self.patience = {check: Patience(start + GRACE) for check in BY_CHECK}
        self._actions: dict[Topic, list[Callable[[], None]]] = defaultdict(list)
        self._sleepers: dict[Topic, list[Loop]] = defaultdict(list)

    def on(self, topic: Topic, action: Callable[[], None]) -> None:
        """Has `action` called at such news, in the thread that brings them, before any check is woken."""
        self._actions[topic].append(action)

    def wake(self, loop: Loop, topics: frozenset[Topic]) -> None:
        """Has the loop woken by such news."""
        for topic in topics:
            self._sleepers[topic].append(loop)

    def tell(self, topic: Topic) -> None:
        for action in self._actions[topic]:
            action()
        for loop in self._sleepers[topic]:
            loop.wake()

    def publish(self, check: str, verdict: Verdict) -> bool:
        """Puts the verdict on the board, tempered while the servers start. Returns whether status or reason changed."""
        return self.board.put(check, self.patience[check].temper(verdict, time.monotonic()))


class Check(ABC):
    """One question. A check that is to be made at once says by which news in `woken_by`."""

    name: ClassVar[str]
    woken_by: ClassVar[frozenset[Topic]] = ANEW

    def __init__(self, pod: Pod) -> None:
        self.pod = pod
        self.loop = Loop(self.name, self.turn)
        pod.wake(self.loop, self.woken_by)

    @abstractmethod
    def turn(self) -> float:
        """Asks once. Returns the seconds from its start to the next time."""


def guard(ask: Callable[[], Verdict]) -> Verdict:
    """The verdict. If the check itself fails nothing is known, and no former verdict stays."""
    try:
        return ask()
    except Exception as error:
        return verdicts.unknown(Reason.CHECK_FAILED, f"the check itself failed, a bug in the probe: {error!r}")
