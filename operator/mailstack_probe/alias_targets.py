"""Asks Dovecot about the mailboxes that aliases lead to: Postfix asks nobody about an alias with several targets."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from mailstack_probe import files, judge, users_verdicts
from mailstack_probe.contract import StackWarning
from mailstack_probe.dialogue import Answer
from mailstack_probe.judge import Meaning
from mailstack_probe.listeners import Listener
from mailstack_probe.reasons import WarningReason
from mailstack_probe.roster import Roster

# Seconds until all are asked for again: users come and go without a change of the aliases.
AGAIN = 600.0
# Mailboxes that a message names.
_SHOWN = 10


class AliasTargets:
    """The file of the operator, with a mailbox and an alias on each line, and what Dovecot answers about each."""

    def __init__(self, path: Path, listener: Listener) -> None:
        self._path = path
        self._roster = Roster(listener)
        self._aliases: Mapping[str, str] = {}
        self._version: object = None
        self._renewed_at = 0.0

    def ask(self, now: float) -> list[StackWarning] | None:
        """Asks about those who are to be asked for at `now`, of time.monotonic. Returns the warnings once there is an
        answer about each, else None. Raises OSError and ValueError where the file cannot be read."""
        version = files.version(self._path)
        if version != self._version:
            self._aliases = dict(_pairs(self._path.read_text(encoding="utf-8")))
        if version != self._version or now - self._renewed_at > AGAIN:
            self._version, self._renewed_at = version, now
            self._roster.renew(list(self._aliases))
        self._roster.ask(now)
        return list(of_answers(self._aliases, self._roster.refused)) if self._roster.complete else None


def of_answers(aliases: Mapping[str, str], refused: Mapping[str, Answer]) -> Iterator[StackWarning]:
    """A warning of the mailboxes that Dovecot does not know; what else it may answer is for other checks to tell."""
    unknown = [user for user, answer in refused.items() if judge.meaning(answer) is Meaning.UNKNOWN_RECIPIENT]
    if unknown:
        shown = ", ".join(f"{user} (of {aliases[user]})" for user in sorted(unknown)[:_SHOWN])
        message = (
            f"aliases have targets that are no users: {shown}{users_verdicts.more(len(unknown))}; mail for them is "
            "refused, or goes back to its sender where the alias has other targets: correct the alias, or add the user"
        )
        yield StackWarning(WarningReason.ALIAS_TARGET_UNKNOWN, message)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        mailbox, _, alias = line.partition(" ")
        yield mailbox, alias
