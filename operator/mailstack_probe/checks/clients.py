"""Asks the ports for mail programs."""

from mailstack_probe import dovecot_warnings
from mailstack_probe.checks.check import ANEW, READ_OFTEN, SELDOM, Check, Pod, Topic, guard
from mailstack_probe.clients import Clients
from mailstack_probe.clients_verdicts import Full
from mailstack_probe.contract import CLIENTS
from mailstack_probe.reasons import Reason

# Seconds: each check is a line in Dovecot's log for each port, and a login that fails.
_SELDOM = 60.0
_OFTEN = 5.0


class ClientsCheck(Check):
    """Whether mail programs are greeted, and a wrong login refused."""

    name = CLIENTS
    woken_by = ANEW | {Topic.PORT, Topic.SESSIONS}

    def __init__(self, pod: Pod, clients: Clients) -> None:
        super().__init__(pod)
        self._clients = clients
        # Whether connections of its own are open.
        self.asking = False

    def turn(self) -> float:
        self.asking = True
        verdict = guard(self._clients.check)
        self.asking = False
        self.pod.publish(CLIENTS, verdict)
        if verdict.good:
            return _SELDOM
        # The number of sessions says when there is one left.
        return SELDOM if verdict.reason == Reason.CONNECTIONS_EXHAUSTED else _OFTEN


class SessionsCheck(Check):
    """Sees the last session taken and given back without a connection, and has the check of the ports find out."""

    name = "sessions"
    _full: Full | None = None

    def __init__(self, pod: Pod, clients: Clients, check: ClientsCheck) -> None:
        super().__init__(pod)
        self._clients = clients
        self._check = check

    def turn(self) -> float:
        if not self._check.asking:
            self._look()
        return READ_OFTEN

    def _look(self) -> None:
        occupied = self._clients.occupied()
        if (occupied.full is None) != (self._full is None):
            self.pod.tell(Topic.SESSIONS)
        self._full = occupied.full
        self.pod.board.warn(self.name, list(dovecot_warnings.of_sessions(occupied.imap)))
