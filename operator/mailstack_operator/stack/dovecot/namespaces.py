"""Namespaces of `spec.dovecot.extraConfig` with which Dovecot could open no mailbox. Pure.

doveconf takes them, and so does LMTP at RCPT: only the end of a message, and SELECT, would fail, for every user.
Source: Dovecot's documentation of namespaces, 2.3 and 2.4.
"""

import re
from collections.abc import Iterator

# Of Maildir++, the layout that the operator's settings have.
_SEPARATOR = "."
_OPENS = re.compile(r"\s*namespace\b\s*(\S*)\s*\{\s*")
_SETTING = re.compile(r"\s*(\w+)\s*=\s*\"?([^\"\n]*?)\"?\s*")


def problem(config: str) -> str | None:
    """The first prefix that does not end with its separator, by its line; None if there is none."""
    named: dict[str, dict[str, str]] = {}
    for number, name, setting, value in _settings(config):
        named.setdefault(name, {"line": str(number)})[setting] = value
    return next(filter(None, map(_wrong, named.values())), None)


def _wrong(namespace: dict[str, str]) -> str | None:
    prefix, separator = namespace.get("prefix", ""), namespace.get("separator") or _SEPARATOR
    unlisted = namespace.get("list") == "no" or namespace.get("hidden") == "yes"
    if not prefix or unlisted or prefix.endswith(separator):
        return None
    return (
        f"line {namespace['line']}: the prefix {prefix} of a namespace does not end with its separator {separator}, so "
        f"Dovecot could open no mailbox: write prefix = {prefix.rstrip('./')}{separator}, or separator = {prefix[-1]}"
    )


def _settings(config: str) -> Iterator[tuple[int, str, str, str]]:
    """Line of the namespace, its name, and each of its own settings."""
    depth, opened = 0, (0, "")
    for number, line in enumerate(config.split("\n"), 1):
        if depth == 0 and (opens := _OPENS.fullmatch(line)):
            opened = number, opens[1]
        elif depth == 1 and opened[0] and (setting := _SETTING.fullmatch(line)):
            yield *opened, setting[1], setting[2]
        depth += 0 if line.lstrip().startswith("#") else line.count("{") - line.count("}")
        opened = opened if depth else (0, "")
