"""Lists the users of a MailStack, for `kubectl mailstack users`.

    python -m mailstack_probe.users_list --user-list=/run/mailstack/errors/auth-userdb --domain=example.org --check=1

Prints a line for each user; with --check what is wrong with it follows after a tab. A line that begins with a tab is of
a line of the users file that names no user whom mail reaches.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from mailstack_probe import directory, directory_verdicts, identity, listeners, users_report
from mailstack_probe.contract import UsersListOptions
from mailstack_probe.directory import Directory
from mailstack_probe.roster import Roster
from mailstack_probe.sessions import Problem

REFUSED = "Dovecot does not accept mail for it: see the log of the container dovecot"


def of_source(path: str, options: UsersListOptions) -> Iterator[tuple[str, str]]:
    """Raises Problem."""
    roles = directory.role_addresses(options.domain, options.postmaster, options.canary)
    source = Directory(Path(path), roles, options.canary or "")
    if options.check:
        for judged in directory_verdicts.judge(source.accounts(source.users()), options.domain):
            yield judged.user, judged.problem
    else:
        yield from ((user, "") for user in source.users())


def of_file(path: str, options: UsersListOptions) -> Iterator[tuple[str, str]]:
    """By the report of the helper `users`. Raises Problem, OSError and ValueError."""
    report = users_report.parse(Path(path).read_text(encoding="utf-8"))
    roster = Roster(listeners.listener(options.lmtp, options.lmtp_ca))
    if options.check:
        roster.renew(list(report.users))
        if report.users and not roster.ask(time.monotonic()):
            raise Problem("Dovecot cannot be asked over LMTP: see `kubectl mailstack status`")
        yield from (("", f"line {note.line}: {note.text}") for note in report.bad)
    for user in report.users:
        yield user, _problem(user, roster, options)


def _problem(user: str, roster: Roster, options: UsersListOptions) -> str:
    if not options.check:
        return ""
    foreign = "" if user.partition("@")[2] in options.domain else directory_verdicts.FOREIGN
    return REFUSED if user in roster.refused else foreign


def found(options: UsersListOptions) -> Iterator[tuple[str, str]]:
    if options.user_list:
        return of_source(options.user_list, options)
    if options.users:
        return of_file(options.users, options)
    raise Problem("the pod is of an earlier operator, which cannot list users")


def main() -> None:
    options = UsersListOptions.parse()
    # Only the user postfix may open Dovecot's socket.
    if options.ids:
        identity.become(Path(options.ids), options.group)
    try:
        for user, problem in found(options):
            print(f"{user}\t{problem}" if problem else user)
    except (Problem, OSError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
