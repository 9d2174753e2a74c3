"""The users file with each version of Dovecot, while mail comes in: users are added and removed, and all are gone."""

import time
from collections.abc import Callable
from functools import partial

from mailtest import inbox, manifests, pods
from mailtest.client import Client
from mailtest.sender import sending_to_each
from mailtest.stack import Stack
from mailtest.wait import until
from matrix.ways import CAROL, VERSIONS, Way, Ways, quota_users

ERIN = manifests.address("erin")
# A kubelet may look at a mounted Secret about once a minute only; and Postfix asks again 15 s after a refusal.
SECONDS, ASKED_AGAIN = 90.0, 60.0

Stacks = dict[str, Stack]


def test_users_come_and_go_and_no_mail_is_refused(inet_ways: Ways, client: Client) -> None:
    """Promise: a user is added and removed without a restart.

    Fault: an emptied file, which would have Dovecot refuse everybody for good. Carol is sent mail all the time, each
    message to an address that Postfix has not asked for.
    """
    stacks = {version: inet_ways[Way("Inet", version, "Virtual")] for version in VERSIONS}
    for stack in stacks.values():
        stack.wait_ready()
        assert client.ask(stack.host, ERIN)[0].code == 550
    before = {version: pods.identities(stack) for version, stack in stacks.items()}
    hosts = [stack.host for stack in stacks.values()]
    with sending_to_each(client, hosts, manifests.address("carol+{}"), "while-users-change") as sent:
        _add_erin(stacks, client)
        _empty(stacks, client)
        _write_without_erin(stacks, client)

    assert [(mail.refused, mail.left) for mail in sent] == [([], [])] * len(stacks)
    for stack, mail in zip(stacks.values(), sent, strict=True):
        stack.wait_queue_empty()
        inbox.wait_for(client, stack.host, CAROL, *mail.accepted)
    assert {version: pods.identities(stack) for version, stack in stacks.items()} == before


def _add_erin(stacks: Stacks, client: Client) -> None:
    start = _write(stacks, lambda text: text + manifests.passwd_file(ERIN))
    for stack in stacks.values():
        until("Dovecot knows erin", partial(stack.knows, ERIN), SECONDS)
        _tell(stack, "Dovecot knows an added user", start)
    for stack in stacks.values():
        until("Postfix accepts mail for erin", partial(_codes_are, client, stack, {ERIN: 250}), ASKED_AGAIN)
        _tell(stack, "Postfix accepts an added user", start)


def _empty(stacks: Stacks, client: Client) -> None:
    """The last good file stays in use."""
    start = _write(stacks, lambda _: "# nobody\n")
    for stack in stacks.values():
        stack.wait_condition("UsersReady", "False", "^UsersEmpty: ", SECONDS)
        _tell(stack, "an emptied file is told", start)
        assert stack.conditions()["Ready"]["status"] == "False"
    codes = {CAROL.replace("@", "+empty@"): 250, ERIN.replace("@", "+empty@"): 250, manifests.address("empty"): 550}
    for stack in stacks.values():
        until("users are accepted, and nobody else", partial(_codes_are, client, stack, codes), ASKED_AGAIN)


def _write_without_erin(stacks: Stacks, client: Client) -> None:
    start = _write(stacks, str)
    for stack in stacks.values():
        stack.wait_condition("UsersReady", "True", "^AllFound: ", SECONDS)
        _tell(stack, "a good file is told", start)
        until("Dovecot has forgotten erin", partial(stack.lacks, ERIN), SECONDS)
        _tell(stack, "Dovecot has forgotten a removed user", start)
        stack.wait_ready()
    for stack in stacks.values():
        # Postfix has asked for no such address yet; erin's own is accepted until positive.expire.
        codes = {ERIN.replace("@", "+gone@"): 550}
        until("Postfix refuses mail for erin", partial(_codes_are, client, stack, codes), ASKED_AGAIN)


def _write(stacks: Stacks, change: Callable[[str], str]) -> float:
    """Changes what is usual in the Secret of each version; when that was."""
    start = time.monotonic()
    for version, stack in stacks.items():
        usual = quota_users(version)
        text = change(usual["stringData"]["users"])
        stack.kubectl.apply(manifests.secret(usual["metadata"]["name"], text))
    return start


def _tell(stack: Stack, what: str, start: float) -> None:
    print(f"{stack.name}: {what} within {time.monotonic() - start:.1f} s")


def _codes_are(client: Client, stack: Stack, codes: dict[str, int]) -> bool:
    """A crowded Dovecot may be asked about an address for longer than a session waits, which gets 450."""
    replies = client.ask(stack.host, *codes)
    assert [reply.code for reply in replies] == list(codes.values()), replies
    return True
