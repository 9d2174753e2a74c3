"""Finds the line of a server's log that explains a failure best. Pure."""

import re

# The prefix of the servers' lines: date, host, process.
_HEAD = re.compile(r"^[A-Z][a-z]{2} +\d+ [\d:]{8} (\S+ (?=postfix/))?")
_LEVELS = (
    re.compile(r"\b(fatal|panic): ", re.IGNORECASE),
    re.compile(r"\berror: ", re.IGNORECASE),
    re.compile(r"\bwarning: ", re.IGNORECASE),
)
# What is said at each start. tlsproxy(8) expects smtp(8), and says so of lmtp(8); a difference of other settings is
# another line. Dovecot's auth says that it takes the passwords of old users files.
_HARMLESS = re.compile(
    r"(postfix/tlsproxy\[\d+\]: warning: (request from tlsproxy client with unexpected settings"
    r"|to avoid this warning, .*|\(server\) 'cache_type=smtp' != \(client\) 'cache_type=lmtp')"
    r"|auth(\(\d+\))?: Warning: Weak password schemes are allowed)\s*$"
)


def telling(log: str) -> str | None:
    """The first line of the gravest level in the log, without its date; None if nothing in it is grave.

    The first, because a cause comes before what follows from it.
    """
    lines = [line for line in log.splitlines() if not _HARMLESS.search(line)]
    grave = (line for level in _LEVELS for line in lines if level.search(line))
    return next((_HEAD.sub("", line).strip() for line in grave), None)
