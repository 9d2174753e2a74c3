"""The users that mailstack_probe.users_list prints. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Listed:
    """A user and what is wrong with it; the user is empty for a line of the users file that names none."""

    user: str
    problem: str


def parse_users(output: str) -> list[Listed]:
    parts = (line.partition("\t") for line in output.splitlines())
    return [Listed(user, problem) for user, _, problem in parts]
