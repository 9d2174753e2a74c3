"""Users from PostgreSQL, MariaDB and a directory, with Dovecot 2.4 and 2.3: found, lost, empty, and back."""

from functools import partial

import pytest

from conftest import NewNamespace
from mailtest import inbox, manifests, sources
from mailtest.certificates import Authority
from mailtest.client import Client
from mailtest.sources import Source
from mailtest.stack import Stack
from mailtest.wait import until

# Until Dovecot has given up a lost server and the status says so; a process of Dovecot that dies of a failed connection
# is started again after up to a minute.
SECONDS = 240.0
VERSIONS = {"24": "2.4", "23": "2.3"}
EACH = pytest.mark.parametrize("kind", sources.KINDS)
ALICE, BOB, NOBODY = map(manifests.address, ("alice", "bob", "nobody"))

Stacks = dict[str, list[Stack]]


@pytest.fixture(scope="module")
def servers(new_namespace: NewNamespace, authority: Authority) -> dict[str, Source]:
    """One server of each kind, and two MailStacks for each; all start side by side."""
    kubectl = new_namespace("sources")
    found = {name: Source(kubectl, kind) for name, kind in sources.KINDS.items()}
    kubectl.apply(*sources.credentials(authority))
    for source in found.values():
        source.prepare(authority)
        source.start()
    return found


@pytest.fixture(scope="module")
def stacks(servers: dict[str, Source]) -> Stacks:
    found: Stacks = {}
    for name, source in servers.items():
        for suffix, version in VERSIONS.items():
            stack = Stack(source.kubectl.namespace, f"{name}-{suffix}")
            plugins = {"quota": {"size": "1Gi"}}
            spec = {"users": source.spec, "plugins": plugins, "dovecot": {"version": version}}
            source.kubectl.apply(manifests.mailstack(stack.name, manifests.DOMAIN, **spec))
            found.setdefault(name, []).append(stack)
    return found


@EACH
def test_users_are_found_log_in_and_have_their_quota(stacks: Stacks, client: Client, kind: str) -> None:
    """Promise: each source does what the users file does, with a password that each file format has to quote."""
    for stack in stacks[kind]:
        stack.wait_ready()
        stack.wait_condition("UsersReady", "True", "^SourceAnswers: ")
        assert [reply.code for reply in client.ask(stack.host, ALICE, NOBODY)] == [250, 550]
        inbox.deliver(client, stack, ALICE, "found")
        (quota,) = client.quota(stack.host, BOB, manifests.PASSWORD)
        assert quota.limit == sources.BOBS_BYTES // 1024


@EACH
def test_no_file_of_the_cluster_holds_the_password(stacks: Stacks, kind: str) -> None:
    """Promise: the password is in the Secret alone, and not in what doveconf prints."""
    for stack in stacks[kind]:
        shown = stack.kubectl("get", "configmaps,statefulsets,pods", "--output=json")
        printed = stack.run_in("dovecot", "doveconf", "-n", "-c", "/etc/dovecot/dovecot.conf")
        assert "a \\\\ secret" not in shown + printed
        assert "secret  #x" not in shown + printed


@EACH
def test_a_lost_source_refuses_nobody_and_is_told(
    stacks: Stacks, servers: dict[str, Source], client: Client, kind: str
) -> None:
    """Fault: an outage of the source that refuses good users for good.

    Bob has not been asked for by Postfix yet, so that only Dovecot can answer.
    """
    servers[kind].stop()

    for stack in stacks[kind]:
        stack.wait_condition("UsersReady", "False", "^SourceUnavailable: ", SECONDS)
        assert stack.conditions()["Ready"]["status"] == "False"
        assert {reply.code for reply in client.ask(stack.host, BOB, f"new-{NOBODY}")} == {450}

    servers[kind].start()
    for stack in stacks[kind]:
        stack.wait_ready()
        until("bob is accepted", partial(_is_known, client, stack, BOB), 60.0)
        inbox.deliver(client, stack, BOB, "back")


@EACH
def test_an_emptied_source_refuses_nobody_and_is_told(
    stacks: Stacks, servers: dict[str, Source], client: Client, kind: str
) -> None:
    """Fault: an emptied table or tree, which looks to Dovecot like unknown recipients."""
    servers[kind].empty()

    reason = "SourceEmpty" if kind != "ldap" else "SourceEmpty|CanaryRefused"
    for stack in stacks[kind]:
        stack.wait_condition("UsersReady", "False", f"^({reason}): ", SECONDS)
        assert {reply.code for reply in client.ask(stack.host, manifests.address(f"late-{kind}"))} == {450}


def _is_known(client: Client, stack: Stack, user: str) -> bool:
    return client.ask(stack.host, user)[0].code == 250
