"""Hands the users file over to Dovecot: a sidecar of Dovecot's pod.

    python -m mailstack_probe.handover --source=/run/secret/users --target=/run/users/passwd --report=... --root=...

The kubelet mounts a changed Secret as it is, and Dovecot would read it as it is: a malformed file would make it refuse
its users, for good. So Dovecot reads a copy, in which each line was judged (`passwd`). It is replaced atomically, and
not by a file that has no user at all or lost most of its users: the last good one stays in use, also in the next pod,
because a copy of it is on the mail volume. A startup probe `test -s TARGET` keeps Dovecot from starting without one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mailstack_probe import files, passwd, users_verdicts, verdicts
from mailstack_probe.contract import UsersOptions
from mailstack_probe.passwd import Entry, Judgement, Volume
from mailstack_probe.reasons import Reason
from mailstack_probe.sidecar import watch
from mailstack_probe.users_report import Report
from mailstack_probe.verdicts import Verdict

# Seconds between two checks of the source.
PERIOD = 2
# A file is held back if it has fewer than half of the users of the last good one, and that had as many as this.
MANY = 10
_WHERE = "the Secret in spec.users.passwdFile"
_STAYS = "the last good file stays in use"


@dataclass(frozen=True)
class Decision:
    """What Dovecot gets; `problem` says why that is not the present file."""

    entries: Mapping[str, Entry]
    problem: Verdict | None = None


def decide(found: Judgement, last: Mapping[str, Entry]) -> Decision:
    """Whether the file takes the place of the last good one, which is empty at the start.

    While it is open whose a bad line is, a user whom only the last file has is kept: it may be theirs.
    """
    if not found.users:
        return Decision(last, _no_user(found))
    kept = {user: replace(entry, line=0) for user, entry in last.items() if _is_kept(user, found)}
    entries = {**found.entries, **kept}
    if _is_short(entries, last) and found.confirmed != len(found.users):
        return Decision(last, _too_few(len(found.users), len(last)))
    return Decision(entries)


def _is_kept(user: str, found: Judgement) -> bool:
    return user not in found.entries and found.may_mean(user)


def _is_short(entries: Mapping[str, Entry], last: Mapping[str, Entry]) -> bool:
    return len(last) >= MANY and 2 * len(entries) < len(last)


def _no_user(found: Judgement) -> Verdict:
    if found.bad:
        notes = users_verdicts.of_notes(found.bad)
        return verdicts.bad(
            Reason.USERS_MALFORMED,
            f"no line of the users file is one of a user: {notes}; {_STAYS}: correct {_WHERE}",
        )
    return verdicts.bad(Reason.USERS_EMPTY, f"the users file has no users; {_STAYS}: add them to {_WHERE}")


def _too_few(now: int, before: int) -> Verdict:
    return verdicts.bad(
        Reason.TOO_FEW_USERS,
        f"the users file has {now} users and the last good one {before}; {_STAYS}: correct {_WHERE}, "
        f"or confirm the removal by a line `# mailstack: users={now}` in it",
    )


class Handover:
    """Keeps Dovecot's copy and the report up to date with the source."""

    def __init__(self, options: UsersOptions) -> None:
        self._source = Path(options.source)
        self._target = Path(options.target)
        self._report = Path(options.report)
        self._kept = Path(options.kept)
        self._volume = Volume(options.root, options.owner, options.rootless == options.owner)
        self._last: Mapping[str, Entry] = _last_good(self._target) or _last_good(self._kept)
        self._version: object = None
        self._failure = ""

    def look(self) -> str | None:
        """Checks the source once. Returns a line for the log if the source or the outcome has changed."""
        version = _version(self._source)
        if version == self._version:
            return None
        try:
            report = self._hand_over()
        # A sidecar that exits takes its pod out of the Service; no content of a Secret may cause that.
        except Exception as error:
            before, self._failure = self._failure, f"users file: unexpected error: {error!r}"
            return None if self._failure == before else self._failure
        self._version, self._failure = version, ""
        return f"users file: {_line(report)}"

    def _hand_over(self) -> Report:
        try:
            found = passwd.judge(self._source.read_bytes(), self._volume)
            decision = decide(found, self._last)
        except OSError as error:
            found, decision = Judgement({}), Decision(self._last, _unreadable(error))
        self._write(decision)
        lines = {user: 0 if decision.problem else entry.line for user, entry in decision.entries.items()}
        users = {user: lines[user] for user, entry in decision.entries.items() if not entry.flaw}
        report = Report(users, found.bad, found.corrected, decision.problem)
        files.replace(self._report, report.to_json().encode(), 0o444)
        return report

    def _write(self, decision: Decision) -> None:
        """Raises OSError if Dovecot's copy cannot be written."""
        if not decision.entries:
            return
        content = passwd.encode(decision.entries.values())
        _update(self._target, content, 0o444)
        self._last = decision.entries
        try:
            _update(self._kept, content, 0o400)
        except OSError as error:
            # A full or broken mail volume is reported by the probe, and is no reason to keep users out.
            print(f"mailstack: {self._kept} cannot be written: {error.strerror}", flush=True)


def _unreadable(error: OSError) -> Verdict:
    if isinstance(error, FileNotFoundError):
        return verdicts.bad(
            Reason.USERS_MISSING,
            f"the users file does not exist; {_STAYS}: check the Secret and key in spec.users.passwdFile",
        )
    return verdicts.unknown(Reason.USERS_UNREADABLE, f"the users file cannot be read ({error.strerror}); {_STAYS}")


def _line(report: Report) -> str:
    bad = f"; {users_verdicts.of_notes(report.bad)}" if report.bad else ""
    return f"{report.problem.message if report.problem else 'in use'}; users: {len(report.users)}{bad}"


def _last_good(file: Path) -> dict[str, Entry]:
    try:
        return passwd.read(file.read_bytes())
    except OSError:
        return {}


def _version(path: Path) -> object:
    try:
        return files.version(path)
    except OSError as error:
        return error.errno


def _update(target: Path, content: bytes, mode: int) -> None:
    """Writes the target if it differs; Dovecot reads a changed file anew."""
    if not _holds(target, content):
        files.replace(target, content, mode)


def _holds(target: Path, content: bytes) -> bool:
    try:
        return target.read_bytes() == content
    except OSError:
        # One that cannot be read is of a helper that ran as another user.
        return False


if __name__ == "__main__":
    watch([Handover(UsersOptions.parse()).look], PERIOD)
