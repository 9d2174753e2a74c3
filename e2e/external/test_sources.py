"""Users from PostgreSQL, MariaDB and a directory, with Dovecot 2.4 and 2.3: found, added and removed, lost, empty."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from external.stacks import BACK_OFF, SECONDS, Stacks, all_of, wait_until_known, wait_until_told
from harness import paths
from mailtest import audit, inbox, manifests, sources
from mailtest.client import Client
from mailtest.command import CommandError, run
from mailtest.sender import sending_to_each
from mailtest.sources import Source
from mailtest.stack import Stack
from mailtest.wait import until

EACH = pytest.mark.parametrize("kind", sources.KINDS)
ALICE, BOB, OBRIEN, NOBODY, DORA, EVE = map(
    manifests.address, ("alice", "bob", "o'brien", "nobody", sources.LATER, sources.DISABLED)
)
# Until Dovecot knows of a changed user, with the time that `kubectl exec` takes; and until Postfix asks it again.
AT_ONCE, ASKED_AGAIN = 15.0, 60.0


@EACH
def test_users_are_found_log_in_and_have_their_quota(
    stacks: Stacks, servers: dict[str, Source], client: Client, kind: str
) -> None:
    """Promise: each source does what the users file does, with a password that each file format has to quote."""
    for stack in stacks[kind]:
        stack.wait_ready()
        stack.wait_condition("UsersReady", "True", "^SourceAnswers: ")
        alice = manifests.address(servers[kind].kind.alias("alice"))
        codes = [reply.code for reply in client.ask(stack.host, ALICE, NOBODY, alice, EVE)]
        assert codes == [250, 550, 250, 550]
        inbox.deliver(client, stack, OBRIEN, "found")
        (quota,) = client.quota(stack.host, BOB, manifests.PASSWORD)
        assert quota.limit == sources.BOBS_BYTES // 1024


# What would find somebody if a character of it were one of the query.
QUERIES = ("'or'1'='1", "*", "a*", "%", "_lice", "%{user}", "alice'--", '"\\\\\' or 1=1 -- "', '"*)(mail=*"')


@EACH
def test_no_character_of_an_address_is_one_of_the_query(stacks: Stacks, kind: str) -> None:
    """Fault: whoever sends mail reads or finds in the source what he is not asked about."""
    asked = [f"RCPT TO:<{manifests.address(local)}>" for local in QUERIES]
    for stack in stacks[kind]:
        answers = stack.speak_lmtp("MAIL FROM:<>", *asked)
        assert [answer[:3] for answer in answers[-len(asked) - 1 :]] == [*("550" for _ in asked), "221"], answers


# A wrong password, none, and the right one of a user who is disabled.
NO_LOGINS = ((ALICE, "wrong"), (ALICE, ""), (EVE, manifests.PASSWORD))


@EACH
def test_a_wrong_password_and_a_disabled_user_open_no_mailbox(stacks: Stacks, client: Client, kind: str) -> None:
    """Fault: a source that lets anybody in passes every other test. Side by side, for Dovecot delays each refusal."""
    logins = [(stack.host, *login) for stack in stacks[kind] for login in NO_LOGINS]
    with ThreadPoolExecutor() as pool:
        refusals = list(pool.map(lambda login: _refusal(client, *login), logins))
    assert all("AUTHENTICATIONFAILED" in each for each in refusals), refusals


def _refusal(client: Client, host: str, user: str, password: str) -> str:
    """What IMAP has against the login; "" if it is good."""
    try:
        client.fetch(host, user, password)
    except CommandError as error:
        return error.stderr
    return ""


@EACH
def test_no_file_of_the_cluster_holds_the_password(stacks: Stacks, kind: str) -> None:
    """Promise: the password is in the Secret alone, and not in what doveconf prints."""
    for stack in stacks[kind]:
        shown = stack.kubectl("get", "configmaps,statefulsets,pods", "--output=json")
        printed = stack.run_in("dovecot", "doveconf", "-n", "-c", "/etc/dovecot/dovecot.conf")
        assert not sources.shows_password(shown + printed)


@EACH
def test_the_plugin_lists_the_users_and_dovecot_finds_each(stacks: Stacks, kind: str) -> None:
    """Promise: `kubectl mailstack users --check`, for any source. Each is a user, and no role address is."""
    for stack in stacks[kind]:
        words = ("users", stack.name, f"--namespace={stack.namespace}")
        assert sorted(_plugin(*words).splitlines()) == sorted(map(manifests.address, sources.USERS))
        assert _plugin(*words, "--check") == f"Users: {len(sources.USERS)}; mail reaches each of them.\n"


def _plugin(*words: str) -> str:
    operator = paths.repository() / "operator"
    return run("env", f"PYTHONPATH={operator}", sys.executable, "-m", "mailstack_operator", *words)


@EACH
def test_a_user_is_added_and_removed(stacks: Stacks, servers: dict[str, Source], client: Client, kind: str) -> None:
    """Promise: without a restart. Dovecot knows at once, Postfix after `verification.negative.refresh`. An alias goes
    with its user."""
    alias = servers[kind].kind.alias(sources.LATER)
    for stack in stacks[kind]:
        assert client.ask(stack.host, DORA)[0].code == 550
    start = time.monotonic()
    servers[kind].add(sources.LATER)
    for stack in stacks[kind]:
        until("Dovecot knows dora", partial(stack.knows, DORA), AT_ONCE)
        print(f"{stack.name}: Dovecot knows an added user within {time.monotonic() - start:.1f} s")
    for stack in stacks[kind]:
        until("Postfix accepts mail for dora", partial(_is_known, client, stack, DORA), ASKED_AGAIN)
        print(f"{stack.name}: Postfix accepts an added user within {time.monotonic() - start:.1f} s")
        inbox.deliver(client, stack, DORA, "added")
        known = partial(_is_known, client, stack, manifests.address(f"{alias}+here"))
        until("Postfix accepts mail for an alias of dora", known, ASKED_AGAIN)

    start = time.monotonic()
    servers[kind].remove(sources.LATER)
    for stack in stacks[kind]:
        until("Dovecot has forgotten dora", partial(stack.lacks, DORA), AT_ONCE)
        print(f"{stack.name}: Dovecot has forgotten a removed user within {time.monotonic() - start:.1f} s")
        # Postfix has asked for no such address yet.
        refused = partial(_is_refused, client, stack, manifests.address(f"{alias}+gone"))
        until("Postfix refuses mail for an alias of dora", refused, ASKED_AGAIN)


def test_the_second_host_answers_when_the_first_is_lost(
    stacks: Stacks, servers: dict[str, Source], client: Client
) -> None:
    """Promise: at the start, and later, and nobody is refused in between. In turn the two hosts lead to the server and
    nowhere."""
    # Dovecot 2.4.1 dies of a host of MySQL that is away, also beside one that answers: docs/users-sql.md.
    chosen = {**stacks, "mysql": [stack for stack in stacks["mysql"] if stack.name != "mysql-24"]}
    for name, of_kind in chosen.items():
        for stack in of_kind:
            stack.patch(users=servers[name].spec_of_two)
    for stack in all_of(chosen):
        stack.wait_ready()
        wait_until_known(client, stack, manifests.address("alice+second"))

    for source in servers.values():
        source.fail_over()
    for stack in all_of(chosen):
        wait_until_known(client, stack, manifests.address("alice+other"))
    for source in servers.values():
        source.lead(second="nowhere")


def test_a_lost_source_refuses_nobody_and_is_told(stacks: Stacks, servers: dict[str, Source], client: Client) -> None:
    """Fault: an outage of the source that refuses good users for good, or loses mail that was accepted.

    Alice is sent mail all the time. Bob has not been asked for by Postfix yet, so that only Dovecot can answer.
    """
    everyone = all_of(stacks)
    with sending_to_each(client, [stack.host for stack in everyone], ALICE, "meanwhile") as sent:
        for source in servers.values():
            source.stop()
        for stack in everyone:
            wait_until_told(stack, "SourceUnavailable")
            assert {reply.code for reply in client.ask(stack.host, BOB, f"new-{NOBODY}")} == {450}

        for source in servers.values():
            source.start()
        for stack in everyone:
            stack.wait_ready()
            wait_until_known(client, stack, BOB)
            inbox.deliver(client, stack, BOB, "back")

    for stack, mail in zip(everyone, sent, strict=True):
        stack.wait_queue_empty(BACK_OFF)
        audit.arrives(client, stack, ALICE, mail)


def test_an_emptied_source_refuses_nobody_and_is_told(
    stacks: Stacks, servers: dict[str, Source], client: Client
) -> None:
    """Fault: an emptied table or tree, which looks to Dovecot like unknown recipients."""
    for source in servers.values():
        source.remove(*sources.USERS)

    for stack in all_of(stacks):
        stack.wait_condition("UsersReady", "False", "^SourceEmpty: ", SECONDS)
        assert {reply.code for reply in client.ask(stack.host, manifests.address("late"))} == {450}


def _is_known(client: Client, stack: Stack, user: str) -> bool:
    return client.ask(stack.host, user)[0].code == 250


def _is_refused(client: Client, stack: Stack, user: str) -> bool:
    return client.ask(stack.host, user)[0].code == 550
