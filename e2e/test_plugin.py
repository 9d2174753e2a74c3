"""`kubectl mailstack`, run by kubectl itself against real MailStacks."""

import json
import re
import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from conftest import CreateStack
from harness import paths
from mailtest import manifests
from mailtest.certificates import Authority
from mailtest.client import Client, letter
from mailtest.command import run
from mailtest.kubectl import Kubectl, Object
from mailtest.plugin import Plugin, install
from mailtest.reader import Place, Walk
from mailtest.stack import Stack, restarts
from mailtest.wait import until

ALICE, BOB, CAROL, NOBODY = map(manifests.address, ("alice", "bob", "carol", "nobody"))
DOCS = paths.repository() / "docs" / "kubectl-plugin.md"
COMMANDS = (
    ("status", "mail"),
    ("verify", "mail", ALICE),
    ("users", "mail", "--check"),
    ("queue", "mail"),
    ("logs", "mail"),
    ("dns", "mail"),
)
# `verify` keeps 1 for "refused"; not to know is 2.
FAILED = {"status": 1, "verify": 2, "users": 1, "queue": 1, "logs": 1, "dns": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("bin")
    install(folder)
    return folder


@pytest.fixture(scope="module")
def stacks(create_stack: CreateStack, authority: Authority) -> dict[str, Stack]:
    """`mail` with a unix socket, `tcp` with two Postfix pods and LMTP in TLS; created at once."""
    found = {"mail": create_stack("mail")}
    inet: Object = {"type": "Inet", "inet": {"tls": {"secretName": "lmtp-tls"}}}
    namespace = found["mail"].namespace
    secret = manifests.tls_secret("lmtp-tls", authority.issue(f"tcp-dovecot.{namespace}.svc"))
    found["tcp"] = create_stack("tcp", secret, delivery={"listener": inet}, postfix={"replicas": 2})
    return found


@pytest.fixture
def mail(stacks: dict[str, Stack]) -> Stack:
    stacks["mail"].wait_ready()
    return stacks["mail"]


@pytest.fixture
def tcp(stacks: dict[str, Stack]) -> Stack:
    stacks["tcp"].wait_ready()
    return stacks["tcp"]


@pytest.fixture
def plugin(folder: Path, mail: Stack) -> Plugin:
    return Plugin(folder, mail.namespace)


@pytest.fixture
def stopped(mail: Stack, client: Client) -> Iterator[Stack]:
    """Postfix knows Alice, and Dovecot's LMTP listens no longer."""
    until("Alice is known", lambda: client.ask(mail.host, ALICE)[0].code == 250, 60)
    mail.stop_lmtp()
    yield mail
    mail.start_lmtp()
    mail.wait_ready()


def unwrapped(screen: str) -> str:
    """A table with the lines of each last column joined again."""
    return re.sub(r"\n {10,}(?!Dovecot|cache)", " ", screen)


def test_dns_prints_the_records_of_the_status(mail: Stack, plugin: Plugin) -> None:
    """Promise: those that external-dns is given, as a zone file."""
    spec, records = mail.get()["spec"], mail.get()["status"]["dnsRecords"]
    assert {each["dnsName"] for each in records if each["recordType"] == "MX"} == {*spec["domains"]}
    zone = plugin.screen("dns", "mail")
    for each in records:
        assert re.search(rf"^{re.escape(each['dnsName'])}\. +3600 IN {each['recordType']} ", zone, re.MULTILINE)
    assert re.search(rf" IN MX +10 {re.escape(spec['hostname'])}\.$", zone, re.MULTILINE)


def test_status_is_one_screen_of_what_is_so(mail: Stack, plugin: Plugin, client: Client) -> None:
    """Promise: conditions, pods, sockets, the queue, and a refusal that a sender has just met."""
    until("nobody is refused", lambda: client.ask(mail.host, NOBODY)[0].code == 550, 60)
    screen = plugin.screen("status", "mail")
    for pattern in (
        rf"^MailStack +{mail.namespace}/mail$",
        rf"^Endpoint +mail\.{mail.namespace}\.svc:25$",
        r"^LMTP +lmtp:unix:private/dovecot-lmtp$",
        r"^Ready +True +\d+[smhd] +Running ",
        r"^LMTPReachable +True ",
        r"^VerificationReady +True ",
        r"^SMTPReachable +True ",
        rf"^mail-0 +Running +(\d+)/\1 +{restarts(mail.pod())} ",
        r"^mail-0 +lmtp +True .* Reachable ",
        r"^ +verification +True .* Enforced ",
        r"^private/dovecot-lmtp +delivery and verification \(LMTP\) +srw-+ postfix:postfix$",
        r"^Queue: empty$",
        rf"^\d+[smhd] +[\d.]+ +sender@example\.net +{re.escape(NOBODY)} +550 User doesn't exist: {re.escape(NOBODY)}$",
    ):
        assert re.search(pattern, screen, re.MULTILINE), f"no {pattern} in\n{screen}"
    assert "mailstack-probe-" not in screen


def test_status_over_tcp_shows_each_pod_and_how_lmtp_is_protected(tcp: Stack, plugin: Plugin) -> None:
    screen = plugin.screen("status", "tcp")
    for pattern in (
        rf"^LMTP +lmtp:inet:tcp-dovecot\.{tcp.namespace}\.svc:24$",
        *(rf"^{pod} +Running +(\d+)/\1 " for pod in ("tcp-0", "tcp-1", "tcp-dovecot-0")),
        *(rf"^{pod} +lmtp +True .* Reachable " for pod in ("tcp-0", "tcp-1", "tcp-dovecot-0")),
        rf"^tcp-dovecot\.{tcp.namespace}\.svc:24 +delivery and verification \(LMTP\) +TCP, verified TLS$",
    ):
        assert re.search(pattern, screen, re.MULTILINE), f"no {pattern} in\n{screen}"


@pytest.mark.parametrize("name", ["mail", "tcp"])
def test_verify_tells_both_servers_answers(name: str, stacks: dict[str, Stack], plugin: Plugin, client: Client) -> None:
    """Promise: what a sender hears, what Dovecot says, and what Postfix remembers, of each Postfix pod."""
    stack = stacks[name]
    stack.wait_ready()
    until("Bob is known everywhere", lambda: plugin("verify", name, BOB).returncode == 0, 90)
    known, unknown = plugin.screen("verify", name, BOB), plugin("verify", name, NOBODY)
    pods = re.findall(rf"^{name}-\d", known, re.MULTILINE)
    assert pods == (["mail-0"] if name == "mail" else ["tcp-0", "tcp-1"])
    assert len(re.findall(r" Postfix  250 .*\n +Dovecot  250 .*\n +cache    ok, updated \d+s ago: 250 ", known)) == len(
        pods
    ), known
    assert known.endswith(f"Accepted: Postfix accepts mail for {BOB}.\n")

    assert unknown.returncode == 1
    flat = unwrapped(unknown.stdout)
    assert len(re.findall(r" Postfix  550 5\.1\.1 .* undeliverable address: .* 550 5\.1\.1 ", flat)) == len(pods), flat
    assert len(re.findall(r" Dovecot  550 5\.1\.1 .* User doesn't exist: ", flat)) == len(pods)
    assert flat.endswith(f"Refused: Postfix refuses mail for {NOBODY}.\n")


def test_a_message_that_waits_is_shown_and_its_way_afterwards(stopped: Stack, plugin: Plugin, client: Client) -> None:
    """Fault: Dovecot is away for a while. The queue says why; the log shows one transaction through both servers."""
    assert client.send(stopped.host, letter(ALICE, "waits"))[0].code == 250
    queue_id = until("the message is deferred", lambda: _deferred(plugin), 60)

    stopped.wait_condition("LMTPReachable", "False", "")
    status = plugin.screen("status", "mail")
    assert re.search(r"^deferred +1 +\d+s$", status, re.MULTILINE), status
    assert re.search(r"^LMTPReachable +False ", status, re.MULTILINE), status
    unsure = plugin("verify", "mail", CAROL)
    assert (unsure.returncode, "Unknown: " in unsure.stdout) == (2, True), unsure.stdout

    stopped.start_lmtp()
    stopped.wait_ready()
    stopped.run_in("postfix", "postqueue", "-f")
    stopped.wait_queue_empty()
    assert plugin.screen("queue", "mail") == "Queue: empty\n"
    way = plugin.screen("logs", "mail", "--queue-id", queue_id)
    assert way == plugin.screen("logs", "mail", "--user", ALICE)
    postfix, to = rf"^postfix .* {queue_id}: ", rf"to=<{re.escape(ALICE)}>, .* "
    steps = (
        rf"{postfix}client=",
        rf"{postfix}{to}status=deferred ",
        r"^dovecot .*<(?P<session>[^<>]+)>: Info: .*: saved mail to INBOX",
        rf"{postfix}{to}status=sent \(250 2\.0\.0 <{re.escape(ALICE)}> (?P=session) Saved\)",
        rf"{postfix}removed",
    )
    assert re.search("(?:.|\n)*?".join(steps), way, re.MULTILINE), way


def _deferred(plugin: Plugin) -> str:
    """The queue id of the message to Alice that waits; "" if there is none."""
    row = rf"^mail-0 +deferred +(\w+) .* sender@example\.net +{re.escape(ALICE)} +connect to .*Connection"
    found = re.search(row, unwrapped(plugin.screen("queue", "mail")), re.MULTILINE)
    return found[1] if found else ""


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_name_that_is_not_there_is_said(command: tuple[str, ...], plugin: Plugin) -> None:
    verb, _, *rest = command
    done = plugin(verb, "nosuch", *rest)
    assert (done.returncode, done.stdout) == (FAILED[verb], "")
    assert 'mailstacks.mailstack.dev "nosuch" not found' in done.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_namespace_that_is_not_there_is_said(command: tuple[str, ...], folder: Path) -> None:
    done = Plugin(folder, "e2e-nosuch")(*command)
    assert (done.returncode, done.stdout) == (FAILED[command[0]], "")
    assert 'namespaces "e2e-nosuch" not found' in done.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_cluster_that_is_not_there_is_said(command: tuple[str, ...], plugin: Plugin, tmp_path: Path) -> None:
    done = plugin(*command, f"--kubeconfig={_kubeconfig(tmp_path, 'https://127.0.0.1:1', 'none')}")
    assert (done.returncode, done.stdout) == (FAILED[command[0]], "")
    assert "127.0.0.1:1 was refused" in done.stderr


def _kubeconfig(folder: Path, server: str, token: str) -> Path:
    """The cluster's kubeconfig, with another server and user."""
    config: Object = json.loads(run("kubectl", "config", "view", "--raw", "--minify", "--output=json"))
    config["clusters"][0]["cluster"]["server"] = server or config["clusters"][0]["cluster"]["server"]
    config["users"][0]["user"] = {"token": token}
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def test_the_rights_of_the_docs_are_enough(mail: Stack, plugin: Plugin, tmp_path: Path) -> None:
    """Promise: the Role in docs/kubectl-plugin.md is all that a user needs."""
    kubeconfig = _postmaster(mail.kubectl, _documented_role(), tmp_path)
    for command in COMMANDS:
        plugin.screen(*command, f"--kubeconfig={kubeconfig}")


def test_the_page_installs_it(mail: Stack, tmp_path: Path) -> None:
    """Promise: its commands, in a checkout, give a home without anything the plugin.

    What it depends on is there already: the same versions as the tests use, and 200 MB.
    """
    checkout, home = tmp_path / "checkout", tmp_path / "home"
    home.mkdir()
    for name in ("operator", "crds"):
        shutil.copytree(paths.repository() / name, checkout / name, ignore=shutil.ignore_patterns("*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(paths.repository() / name, checkout)
    place = Place(mail.namespace, checkout, home, variables={"PYTHONPATH": sysconfig.get_path("purelib")})
    with Walk("docs/kubectl-plugin.md", place) as walk:
        assert re.search("^Ready +True ", walk.section(""), re.MULTILINE)
    assert walk.left == []


def test_what_a_user_may_not_read_is_said_and_the_rest_is_shown(mail: Stack, plugin: Plugin, tmp_path: Path) -> None:
    role = _documented_role()
    role["metadata"]["name"] = "reader"
    role["rules"] = [rule for rule in role["rules"] if rule["resources"] in (["mailstacks"], ["pods"])]
    done = plugin("status", "mail", f"--kubeconfig={_postmaster(mail.kubectl, role, tmp_path)}")
    assert done.returncode == 1
    assert re.search(r"^Ready +True ", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^error: pod mail-0, container postfix: .*pods/exec", done.stdout, re.MULTILINE)
    assert "Queue: empty" not in done.stdout


def _documented_role() -> Object:
    """The Role in the docs."""
    block = re.search(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    role: Object = yaml.safe_load(block[1])
    return role


def _postmaster(kubectl: Kubectl, role: Object, folder: Path) -> Path:
    """The kubeconfig of somebody who has this Role in the namespace, and nothing else."""
    name = role["metadata"]["name"]
    subject = {"kind": "ServiceAccount", "name": name, "namespace": kubectl.namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    usual = {"metadata": {"name": name}}
    kubectl.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", **usual},
        role,
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            **usual,
            "roleRef": reference,
            "subjects": [subject],
        },
    )
    return _kubeconfig(folder, "", kubectl("create", "token", name).strip())
