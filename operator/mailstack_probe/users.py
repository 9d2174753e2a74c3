"""The users whom Dovecot must know, as the helper `users` reports them; and canary recipients among them.

Dovecot must accept the canaries, otherwise its 550 for others proves nothing: a source of users that is empty refuses
every recipient permanently, with the reply for an unknown recipient.
"""

import math
from collections.abc import Collection, Iterable
from itertools import islice
from pathlib import Path

from mailstack_probe import files, users_report
from mailstack_probe.users_report import Report

# Users to ask for before Dovecot is said to refuse them: one may have a line that Dovecot does not accept.
CANARIES = 3
# Seconds until Dovecot has certainly read a change of the file; it checks every second.
_NOTICED = 3.0


def canaries(users: Iterable[str], domains: Collection[str]) -> tuple[str, ...]:
    """The first few users of the domains; of others if there are none."""
    found = list(users)
    ours = (user for user in found if user.partition("@")[2] in domains)
    return tuple(islice(ours, CANARIES)) or tuple(found[:CANARIES])


class UsersFile:
    """Reads the report only after a change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed_at = -math.inf
        self._report: Report | None = None
        self._version: object = None

    def look(self, now: float) -> Report | None:
        """The report; None if there is none that can be read."""
        try:
            version = files.version(self._path)
            if version != self._version:
                self._report = users_report.parse(self._path.read_text(encoding="utf-8"))
                self._changed_at = now if self._version is not None else self._changed_at
                self._version = version
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._version, self._report = repr(error), None
        return self._report

    def settled(self, now: float) -> bool:
        """Whether Dovecot has had time to read the last change."""
        return now - self._changed_at > _NOTICED
