"""Has Postfix retry mail for Dovecot soon, while outgoing mail keeps Postfix's usual back-off.

Postfix has one deferred queue with one back-off for all transports. Its flush(8) notes which deferred messages have a
recipient in the MailStack's domains (fast_flush_domains), and ETRN (RFC 1985) has it retry those of one domain; the
probe's own listener is the only one that permits it.
"""

import math
import re
import time
from collections.abc import Sequence
from pathlib import Path

from mailstack_probe import dialogue, sessions
from mailstack_probe.dialogue import Stage
from mailstack_probe.sessions import Problem, Unsettled

# Seconds between two retries of mail that Dovecot defers although it answers; each doubles the time to the next.
SHORTEST = 10.0
LONGEST = 120.0
# Seconds until what was retried is in the deferred queue again. flush(8) forgets a message that is noted and not there
# yet, which would wait for Postfix's own back-off.
SETTLED = 2.0
# Seconds after a retry at which the next one waits no longer for messages on their way: those for other servers may be
# so for minutes.
SETTLED_AT_LAST = 30.0
# Seconds for one dialogue.
LIMIT = 10.0


class Waiting:
    """Which of the domains have deferred mail; `spool` is Postfix's queue directory."""

    def __init__(self, spool: Path, domains: Sequence[str]) -> None:
        self._files = {domain: spool / "flush" / _file_name(domain) for domain in domains}

    def domains(self) -> list[str]:
        return [domain for domain, file in self._files.items() if _has_content(file)]


class Pace:
    """When to retry, in seconds of `time.monotonic`."""

    def __init__(self) -> None:
        self._pause, self._next = SHORTEST, 0.0
        #: The last retry.
        self.last = -math.inf

    def reset(self) -> None:
        """Dovecot answers again: a retry is due once the last one has settled, and those after it are frequent."""
        self._pause, self._next = SHORTEST, self.last + SETTLED

    def is_due(self, now: float) -> bool:
        """Whether to retry now. If so the next one is due after a longer pause."""
        if now < self._next:
            return False
        self.last, self._next = now, now + self._pause
        self._pause = min(2 * self._pause, LONGEST)
        return True


def request(port: int, domains: Sequence[str]) -> None:
    """Has Postfix retry the deferred mail of the domains. A request that fails is repeated with the next retry."""
    try:
        with sessions.on_port(f"SMTP on port {port}", port, time.monotonic() + LIMIT) as session:
            if dialogue.greet(session).stage is Stage.EHLO:
                for domain in domains:
                    session.ask(f"ETRN {domain}")
            dialogue.quit_session(session)
    except (Problem, Unsettled):
        return


def _file_name(domain: str) -> str:
    """As flush(8) writes it: every character but letters and digits becomes `_`."""
    return re.sub("[^A-Za-z0-9]", "_", domain)


def _has_content(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except OSError:
        return False
