"""Finds the line of a server's log that explains a failure best. Pure."""

import re

# The prefix of the servers' lines: date, host, process.
_HEAD = re.compile(r"^[A-Z][a-z]{2} +\d+ [\d:]{8} (\S+ (?=postfix/))?")
_LEVELS = (
    re.compile(r"\b(fatal|panic): ", re.IGNORECASE),
    re.compile(r"\berror: ", re.IGNORECASE),
    re.compile(r"\bwarning: ", re.IGNORECASE),
)


def telling(log: str) -> str | None:
    """The first line of the gravest level in the log, without its date; None if nothing in it is grave.

    The first, because a cause comes before what follows from it.
    """
    lines = log.splitlines()
    grave = (line for level in _LEVELS for line in lines if level.search(line))
    return next((_HEAD.sub("", line).strip() for line in grave), None)
