"""The users of a MailStack. Pure."""

from collections.abc import Sequence

from mailstack_operator.cli.plugin.parsing.listed_users import Listed
from mailstack_operator.cli.plugin.screens.table import render_table, replace_controls


def render_users(users: Sequence[Listed]) -> str:
    """A line for each user, for other programs."""
    return "".join(f"{replace_controls(listed.user)}\n" for listed in users)


def render_problems(users: Sequence[Listed], width: int) -> str:
    """Those with whom something is wrong, and how many there are."""
    rows = [(listed.user, listed.problem) for listed in users if listed.problem]
    table = render_table(("USER", "PROBLEM"), rows, width) if rows else ""
    count = len({listed.user for listed in users} - {""})
    summary = f"{len(rows)} problems" if rows else "mail reaches each of them"
    return f"{table}Users: {count}; {summary}.\n"
