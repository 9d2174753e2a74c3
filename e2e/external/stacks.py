"""The MailStacks of servers that hold users, by the name of the server's kind, and what is waited for of them."""

from collections.abc import Iterable

from mailtest.client import Client
from mailtest.stack import Stack
from mailtest.wait import until

# Until Dovecot has given up a lost server and the status says so; a process of Dovecot that dies of a failed connection
# is started again after up to a minute.
SECONDS = 240.0
# A message that Postfix's flush(8) forgot waits for Postfix's own back-off, of 300 s.
BACK_OFF = 400.0

Stacks = dict[str, list[Stack]]


def all_of(stacks: Stacks) -> list[Stack]:
    return [stack for of_kind in stacks.values() for stack in of_kind]


def wait_until_told(stack: Stack, reason: str) -> None:
    """Until the status says that the source cannot be used, and so neither can the MailStack."""
    stack.wait_condition("UsersReady", "False", f"^{reason}: ", SECONDS)
    assert stack.conditions()["Ready"]["status"] == "False"


def wait_until_known(client: Client, stack: Stack, user: str) -> None:
    """Until then, mail waits at its sender."""
    answers: list[int] = []

    def look() -> bool:
        answers.append(client.ask(stack.host, user)[0].code)
        return answers[-1] == 250

    until(f"Postfix of {stack.name} accepts mail for {user}", look, SECONDS)
    assert set(answers) <= {250, 450}, answers


def wait_until_answered(stacks: Stacks, kinds: Iterable[str]) -> None:
    for name in kinds:
        for stack in stacks[name]:
            stack.wait_condition("UsersReady", "True", "^SourceAnswers: ", SECONDS)
            stack.wait_ready()
