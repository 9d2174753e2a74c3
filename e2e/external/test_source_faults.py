"""Faults of servers that hold users, one after the other, while mail comes in: told, and nobody is refused."""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial

import pytest

from external.stacks import BACK_OFF, SECONDS, Stacks, all_of, wait_until_answered, wait_until_known, wait_until_told
from mailtest import audit, manifests, pods, release, sources
from mailtest.certificates import Authority
from mailtest.client import Client
from mailtest.sender import Record, sending_to_each
from mailtest.sources import Source
from mailtest.stack import Stack
from mailtest.wait import until

ALICE = manifests.address("alice")
# Until Dovecot asks with a changed password and CA: 20 s (docs/users-sql.md) on a machine that does nothing else.
RENEWED = 60.0


@dataclass(frozen=True)
class Traffic:
    """Mail that is sent to each MailStack all the time until it is stopped, each message to an address of alice that
    Postfix has not asked for."""

    records: dict[Stack, Record]
    stop: Callable[[], None]


@pytest.fixture(scope="module")
def traffic(stacks: Stacks, client: Client) -> Iterator[Traffic]:
    everyone = all_of(stacks)
    for stack in everyone:
        stack.wait_ready()
    address = manifests.address("alice+{}")
    with ExitStack() as load:
        sent = load.enter_context(sending_to_each(client, [stack.host for stack in everyone], address, "through"))
        yield Traffic(dict(zip(everyone, sent, strict=True)), load.close)


@dataclass(frozen=True)
class Fault:
    """What happens to a server, how it ends, the reason that UsersReady has meanwhile, and what Postfix answers to mail
    for a new address of each user."""

    begin: Callable[[Source], None]
    end: Callable[[Source], None]
    reason: str = "SourceUnavailable"
    codes: Mapping[str, int] = field(default_factory=lambda: {"bob": 450})


FROZEN = Fault(Source.freeze, Source.thaw)
PASSWORD = Fault(
    lambda source: source.set_password("another"),
    lambda source: source.set_password(sources.SECRET),
    "CredentialsRefused",
)
OTHER_NAME = Fault(lambda source: source.certify("other-name"), lambda source: source.certify("tls"))
TABLE = Fault(Source.hide, Source.show)
BASE = Fault(Source.hide, Source.show, "SourceEmpty")
LIMIT = Fault(lambda source: source.limit(0), lambda source: source.limit(-1))
NO_CANARY = Fault(
    lambda source: source.remove(sources.CANARY),
    lambda source: source.add(sources.CANARY),
    "CanaryRefused",
    {"bob": 250, "nobody": 450},
)
# One after the other; those of a row side by side, each at a server of its own.
FAULTS: dict[str, dict[str, Fault]] = {
    "frozen": {"postgresql": FROZEN, "mysql": FROZEN, "ldap": FROZEN},
    "password": {"postgresql": PASSWORD, "mysql": PASSWORD, "ldap": PASSWORD},
    "certificate": {"postgresql": OTHER_NAME, "mysql": OTHER_NAME, "ldap": OTHER_NAME},
    "table": {"postgresql": TABLE, "mysql": TABLE, "ldap": BASE},
    # A directory is asked for no list, so it might as well be empty.
    "limit": {"postgresql": LIMIT, "mysql": NO_CANARY, "ldap": replace(NO_CANARY, reason="SourceEmpty")},
}


@pytest.mark.parametrize("row", FAULTS)
def test_a_fault_of_a_source_is_told_until_it_is_over(
    stacks: Stacks, servers: dict[str, Source], client: Client, traffic: Traffic, row: str
) -> None:
    """Fault: users who are refused for good, or a wrong reason, while their source cannot be used."""
    faults = FAULTS[row]
    with ExitStack() as over:
        for name, fault in faults.items():
            over.callback(fault.end, servers[name])
            fault.begin(servers[name])
        for name, fault in faults.items():
            for stack in stacks[name]:
                wait_until_told(stack, fault.reason)
                asked = [manifests.address(f"{user}+{row}") for user in fault.codes]
                assert [reply.code for reply in client.ask(stack.host, *asked)] == [*fault.codes.values()]
    wait_until_answered(stacks, faults)


def test_a_changed_password_and_ca_are_in_use_without_a_restart(
    stacks: Stacks,
    servers: dict[str, Source],
    client: Client,
    traffic: Traffic,
    authority: Authority,
    stranger: Authority,
) -> None:
    """Promise: a change of the Secrets right after the servers is enough. Before the Secrets follow the way back, the
    servers' CA is one that Dovecot does not trust."""
    everyone, kubectl = all_of(stacks), servers["ldap"].kubectl
    before = [pods.identities(stack) for stack in everyone]
    _renew(servers, "other-ca", sources.RENEWED)
    kubectl.apply(*sources.credentials(stranger, sources.RENEWED))
    with ThreadPoolExecutor() as pool:
        seconds = list(pool.map(_seconds_until_dovecot_knows, everyone))
    for stack, taken in zip(everyone, seconds, strict=True):
        print(f"{stack.name}: Dovecot asks with a changed password and CA within {taken:.1f} s")
        wait_until_known(client, stack, manifests.address("alice+renewed"))

    _renew(servers, "tls", sources.SECRET)
    for stack in everyone:
        stack.wait_condition("UsersReady", "False", "^SourceUnavailable: ", SECONDS)
        assert client.ask(stack.host, manifests.address("bob+authority"))[0].code == 450
    kubectl.apply(*sources.credentials(authority))
    wait_until_answered(stacks, servers)
    assert [pods.identities(stack) for stack in everyone] == before


def _renew(servers: dict[str, Source], certificate: str, password: str) -> None:
    for source in servers.values():
        source.certify(certificate)
        source.set_password(password)


def _seconds_until_dovecot_knows(stack: Stack) -> float:
    start = time.monotonic()
    until(f"Dovecot of {stack.name} knows alice", partial(stack.knows, ALICE, patience=1), RENEWED)
    return time.monotonic() - start


def test_no_log_holds_the_password(stacks: Stacks, traffic: Traffic) -> None:
    """Promise: also not after faults, of which the servers have much to say."""
    for stack in all_of(stacks):
        log = stack.kubectl("logs", stack.pod_name, "--all-containers", "--tail=-1")
        assert "the password of the source of users: in use" in log
        assert not sources.shows_password(log)
    assert not sources.shows_password(release.log(lines=-1))


def test_a_source_that_is_down_when_dovecot_starts_is_told(
    stacks: Stacks, servers: dict[str, Source], client: Client, traffic: Traffic
) -> None:
    """Fault: Dovecot begins without a connection, and refuses whom it cannot ask for, or never connects."""
    for source in servers.values():
        source.stop()
    for stack in all_of(stacks):
        stack.kill("dovecot")
    # Promise: a change meanwhile is tried until the source is back, and is in use then.
    changed = [stacks["mysql"][-1], stacks["ldap"][0]]
    for stack, name in zip(changed, ("mysql", "ldap"), strict=True):
        stack.patch(users=servers[name].spec_of_two)
    for stack in all_of(stacks):
        wait_until_told(stack, "SourceUnavailable")
    for stack in changed:
        stack.wait_condition("Reconciling", "True", r"^RehearsalFailed: .*spec\.users\.\w+ is unavailable", SECONDS)

    for source in servers.values():
        source.start()
    wait_until_answered(stacks, servers)
    for stack in changed:
        assert stack.conditions()["ConfigValid"]["status"] == "True"


def test_no_fault_refused_a_user_or_lost_mail(stacks: Stacks, client: Client, traffic: Traffic) -> None:
    """Promise: through all of the faults, each message was accepted in the end, and delivered."""
    traffic.stop()
    for stack, record in traffic.records.items():
        stack.wait_queue_empty(BACK_OFF)
        audit.arrives(client, stack, ALICE, record)
