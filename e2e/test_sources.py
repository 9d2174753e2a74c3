"""Users from PostgreSQL, MariaDB and a directory, with Dovecot 2.4 and 2.3: found, lost, empty, and back."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest

from conftest import NewNamespace
from harness import paths
from mailtest import certificates, inbox, manifests, pods, release, sources
from mailtest.certificates import Authority
from mailtest.client import Client
from mailtest.command import CommandError, run
from mailtest.sender import Record, sending_to_each
from mailtest.sources import Source
from mailtest.stack import Stack
from mailtest.wait import until

# Until Dovecot has given up a lost server and the status says so; a process of Dovecot that dies of a failed connection
# is started again after up to a minute.
SECONDS = 240.0
# A message that Postfix's flush(8) forgot waits for Postfix's own back-off, of 300 s.
BACK_OFF = 400.0
VERSIONS = {"24": "2.4", "23": "2.3"}
EACH = pytest.mark.parametrize("kind", sources.KINDS)
ALICE, BOB, OBRIEN, NOBODY, DORA, EVE = map(
    manifests.address, ("alice", "bob", "o'brien", "nobody", sources.LATER, sources.DISABLED)
)
# Until Dovecot knows of a changed user, with the time that `kubectl exec` takes; and until Postfix asks it again.
AT_ONCE, ASKED_AGAIN = 15.0, 60.0
# Until Dovecot asks with a changed password and CA: 20 s (docs/users-sql.md) on a machine that does nothing else.
RENEWED = 60.0

Stacks = dict[str, list[Stack]]


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A CA that no MailStack trusts at first."""
    folder: Path = tmp_path_factory.mktemp("stranger")
    return certificates.found(folder)


@pytest.fixture(scope="module")
def servers(new_namespace: NewNamespace, authority: Authority, stranger: Authority) -> dict[str, Source]:
    """One server of each kind, and two MailStacks for each; all start side by side."""
    kubectl = new_namespace("sources")
    found = {name: Source(kubectl, kind) for name, kind in sources.KINDS.items()}
    kubectl.apply(*sources.credentials(authority))
    for source in found.values():
        source.prepare(authority, stranger)
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


@dataclass(frozen=True)
class Traffic:
    """Mail that is sent to each MailStack all the time until it is stopped, each message to an address of alice that
    Postfix has not asked for."""

    records: dict[Stack, Record]
    stop: Callable[[], None]


@pytest.fixture(scope="module")
def traffic(stacks: Stacks, client: Client) -> Iterator[Traffic]:
    each = _each(stacks)
    address = manifests.address("alice+{}")
    with ExitStack() as load:
        sent = load.enter_context(sending_to_each(client, [stack.host for stack in each], address, "through"))
        yield Traffic(dict(zip(each, sent, strict=True)), load.close)


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
                stack.wait_condition("UsersReady", "False", f"^{fault.reason}: ", SECONDS)
                assert stack.conditions()["Ready"]["status"] == "False"
                asked = [manifests.address(f"{user}+{row}") for user in fault.codes]
                assert [reply.code for reply in client.ask(stack.host, *asked)] == [*fault.codes.values()]
    _wait_until_answered(stacks, faults)


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
    each, kubectl = _each(stacks), servers["ldap"].kubectl
    before = [pods.identities(stack) for stack in each]
    _renew(servers, "other-ca", sources.RENEWED)
    kubectl.apply(*sources.credentials(stranger, sources.RENEWED))
    with ThreadPoolExecutor() as pool:
        seconds = list(pool.map(_seconds_until_dovecot_knows, each))
    for stack, taken in zip(each, seconds, strict=True):
        print(f"{stack.name}: Dovecot asks with a changed password and CA within {taken:.1f} s")
        _wait_until_known(client, stack, manifests.address("alice+renewed"))

    _renew(servers, "tls", sources.SECRET)
    for stack in each:
        stack.wait_condition("UsersReady", "False", "^SourceUnavailable: ", SECONDS)
        assert client.ask(stack.host, manifests.address("bob+authority"))[0].code == 450
    kubectl.apply(*sources.credentials(authority))
    _wait_until_answered(stacks, servers)
    assert [pods.identities(stack) for stack in each] == before


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
    for stack in _each(stacks):
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
    for stack in _each(stacks):
        stack.kill("dovecot")
    # Promise: a change meanwhile is tried until the source is back, and is in use then.
    changed = [stacks["mysql"][-1], stacks["ldap"][0]]
    for stack, name in zip(changed, ("mysql", "ldap"), strict=True):
        stack.patch(users=servers[name].spec_of_two)
    for stack in _each(stacks):
        stack.wait_condition("UsersReady", "False", "^SourceUnavailable: ", SECONDS)
        assert stack.conditions()["Ready"]["status"] == "False"
    for stack in changed:
        stack.wait_condition("Reconciling", "True", r"^RehearsalFailed: .*spec\.users\.\w+ is unavailable", SECONDS)

    for source in servers.values():
        source.start()
    _wait_until_answered(stacks, servers)
    for stack in changed:
        assert stack.conditions()["ConfigValid"]["status"] == "True"


def test_no_fault_refused_a_user_or_lost_mail(stacks: Stacks, client: Client, traffic: Traffic) -> None:
    """Promise: through all of the faults, each message was accepted in the end, and delivered."""
    traffic.stop()
    for stack, record in traffic.records.items():
        assert (record.refused, record.left) == ([], [])
        stack.wait_queue_empty(BACK_OFF)
        inbox.wait_for(client, stack.host, ALICE, *record.accepted)


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
    for stack in _each(chosen):
        stack.wait_ready()
        _wait_until_known(client, stack, manifests.address("alice+second"))

    for source in servers.values():
        source.fail_over()
    for stack in _each(chosen):
        _wait_until_known(client, stack, manifests.address("alice+other"))
    for source in servers.values():
        source.lead(second="nowhere")


def _wait_until_known(client: Client, stack: Stack, user: str) -> None:
    """Until then, mail waits at its sender."""
    answers: list[int] = []

    def look() -> bool:
        answers.append(client.ask(stack.host, user)[0].code)
        return answers[-1] == 250

    until(f"Postfix of {stack.name} accepts mail for {user}", look, SECONDS)
    assert set(answers) <= {250, 450}, answers


def _wait_until_answered(stacks: Stacks, kinds: Iterable[str]) -> None:
    for name in kinds:
        for stack in stacks[name]:
            stack.wait_condition("UsersReady", "True", "^SourceAnswers: ", SECONDS)
            stack.wait_ready()


def test_a_lost_source_refuses_nobody_and_is_told(stacks: Stacks, servers: dict[str, Source], client: Client) -> None:
    """Fault: an outage of the source that refuses good users for good, or loses mail that was accepted.

    Alice is sent mail all the time. Bob has not been asked for by Postfix yet, so that only Dovecot can answer.
    """
    each = _each(stacks)
    with sending_to_each(client, [stack.host for stack in each], ALICE, "meanwhile") as sent:
        for source in servers.values():
            source.stop()
        for stack in each:
            stack.wait_condition("UsersReady", "False", "^SourceUnavailable: ", SECONDS)
            assert stack.conditions()["Ready"]["status"] == "False"
            assert {reply.code for reply in client.ask(stack.host, BOB, f"new-{NOBODY}")} == {450}

        for source in servers.values():
            source.start()
        for stack in each:
            stack.wait_ready()
            _wait_until_known(client, stack, BOB)
            inbox.deliver(client, stack, BOB, "back")

    for stack, mail in zip(each, sent, strict=True):
        assert (mail.refused, mail.left) == ([], [])
        stack.wait_queue_empty(BACK_OFF)
        inbox.wait_for(client, stack.host, ALICE, *mail.accepted)


def test_an_emptied_source_refuses_nobody_and_is_told(
    stacks: Stacks, servers: dict[str, Source], client: Client
) -> None:
    """Fault: an emptied table or tree, which looks to Dovecot like unknown recipients."""
    for source in servers.values():
        source.remove(*sources.USERS)

    for stack in _each(stacks):
        stack.wait_condition("UsersReady", "False", "^SourceEmpty: ", SECONDS)
        assert {reply.code for reply in client.ask(stack.host, manifests.address("late"))} == {450}


def _each(stacks: Stacks) -> list[Stack]:
    return [stack for of_kind in stacks.values() for stack in of_kind]


def _is_known(client: Client, stack: Stack, user: str) -> bool:
    return client.ask(stack.host, user)[0].code == 250


def _is_refused(client: Client, stack: Stack, user: str) -> bool:
    return client.ask(stack.host, user)[0].code == 550
