"""A changed configuration is tried in a pod of its own before the running pods get it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from conftest import CreateStack
from mailtest import audit, inbox, manifests, pods
from mailtest.client import Client, Letter, header_of, letter
from mailtest.command import CommandError
from mailtest.sender import Record, sending
from mailtest.stack import READY_SECONDS, Stack
from mailtest.wait import until

KNOWN = tuple(manifests.address(user) for user in manifests.USERS)
ALICE, NOBODY = KNOWN[0], manifests.address("nobody")
NEW = manifests.address("erin", "example.net")
OVER_TCP = {"listener": {"type": "Inet"}}


@dataclass(frozen=True)
class Fault:
    """A change of the spec that a server cannot run with, and what the status says of it, as a pattern.

    `condition` is the one that is True for it besides Ready=False.
    """

    change: dict[str, dict[str, object]]
    words: str
    condition: str = "Stalled"
    listener: str = "Unix"

    @property
    def undo(self) -> dict[str, dict[str, None]]:
        """The change that takes it back."""
        return {field: dict.fromkeys(values) for field, values in self.change.items()}


def _parameters(**parameters: str) -> dict[str, dict[str, object]]:
    return {"postfix": {"parameters": parameters}}


def _extra_config(*lines: str) -> dict[str, dict[str, object]]:
    return {"dovecot": {"extraConfig": "".join(f"{line}\n" for line in lines)}}


FAULTS = {
    "misspelt-parameter": Fault(
        _parameters(mesage_size_limit="1"), r"ConfigRefused: .*unused parameter: mesage_size_limit=1"
    ),
    "unknown-restriction": Fault(
        _parameters(smtpd_sender_restrictions="reject_everybody"),
        r"ConfigRefused: .*unknown smtpd restriction: \"reject_everybody\"",
    ),
    "misspelt-parameter-over-tcp": Fault(
        _parameters(mesage_size_limit="1"),
        r"ConfigRefused: .*unused parameter: mesage_size_limit=1",
        listener="Inet",
    ),
    "syntax-error": Fault(
        _extra_config("mail_max_userip_connections = 20", "this is no setting"),
        r"ConfigRefused: .*extra\.conf line 2: ",
    ),
    "unknown-setting": Fault(
        _extra_config("mail_max_userip_conections = 20"),
        r"ConfigRefused: .*extra\.conf line 1: .*Unknown setting: mail_max_userip_conections",
    ),
    "unknown-plugin": Fault(
        # As every dovecot.conf of 2.3 has it. LMTP would work, and no mail program.
        _extra_config("protocol imap {", "  mail_plugins = $mail_plugins imap_quota", "}"),
        r"ConfigRefused: .*this image has no plugin \$mail_plugins, which mail_plugins of the protocol imap names",
    ),
    "missing-table": Fault(
        # Postfix opens it for the first message, and would defer all of them.
        _parameters(header_checks="regexp:/etc/postfix/header_checks"),
        r"ConfigRefused: .*header_checks: open /etc/postfix/header_checks: No such file or directory",
    ),
    # A harmless name whose value rewrites every RCPT to a user who exists; postconf finds nothing wrong. So the
    # rehearsal asks for a non-existent recipient, and Postfix must refuse it.
    "everybody-would-exist": Fault(
        _parameters(smtpd_command_filter=f"regexp:{{{{/^RCPT TO:.*/ RCPT TO:<{ALICE}>}}}}"),
        r"ConfigRefused: .*Postfix accepts .*, which does not exist .*address verification does not work",
    ),
    "absent-image": Fault(
        # Nothing listens on the node's port 1: the kubelet's pull fails at once, whatever network there is.
        {"dovecot": {"image": "localhost:1/mailstack/dovecot:absent"}},
        r"ImagePull: .*localhost:1/mailstack/dovecot:absent",
        condition="Reconciling",
    ),
}


@dataclass(frozen=True)
class Changed:
    """A MailStack that ran, and its spec was changed; `before` is its pods' identity at that time."""

    stack: Stack
    fault: Fault
    before: pods.Identities


@pytest.fixture(scope="module")
def stacks(create_stack: CreateStack) -> dict[str, Stack]:
    """By the type of their listener, created at once; they get one fault after the other."""
    return {"Unix": create_stack("unix"), "Inet": create_stack("inet", delivery=OVER_TCP)}


@pytest.fixture(scope="module", params=FAULTS)
def case(stacks: dict[str, Stack], request: pytest.FixtureRequest) -> Iterator[Changed]:
    """Runs, and has just got the fault; afterwards it is as before, whatever the tests did."""
    fault = FAULTS[request.param]
    stack = stacks[fault.listener]
    stack.wait_ready()
    before = pods.identities(stack)
    stack.patch(**fault.change)
    yield Changed(stack, fault, before)
    stack.patch(**fault.undo)


def test_it_is_refused_in_the_servers_own_words_while_the_running_pods_go_on(case: Changed, client: Client) -> None:
    """Fault: a value that only the real program can judge. Nobody who uses the server notices it."""
    case.stack.wait_condition("Ready", "False", f"^{case.fault.words}.*running pods keep")
    case.stack.wait_condition(case.fault.condition, "True", f"^{case.fault.words}", 30)
    assert pods.identities(case.stack) == case.before
    inbox.deliver(client, case.stack, ALICE, "while-it-is-refused")
    assert client.ask(case.stack.host, NOBODY)[0].code == 550


def test_it_is_not_valid(case: Changed) -> None:
    """Promise: what a server refused is ConfigValid=False; an image that cannot be pulled says nothing of it."""
    refused = case.fault.condition == "Stalled"
    case.stack.wait_condition("ConfigValid", "False" if refused else "True", "ConfigRefused" if refused else "Valid")


def test_the_last_good_spec_clears_it_without_a_restart(case: Changed) -> None:
    """Promise: to go back is enough; no pod has to be deleted, and none is replaced."""
    case.stack.patch(**case.fault.undo)
    case.stack.wait_ready()

    assert pods.identities(case.stack) == case.before
    conditions = {each["type"]: each["status"] for each in case.stack.get()["status"]["conditions"]}
    assert set(conditions.values()) == {"True"}
    assert not conditions.keys() & {"Stalled", "Reconciling"}
    trial = f"{case.stack.name}-rehearsal"
    until("the pod that tried is gone", lambda: case.stack.kubectl.get("pod", trial) is None, 60)


# What a server takes, in one change: another name, a limit of Postfix that SMTP shows, a table of single addresses, a
# filter that is down, as it was set before spec.milters, and a feature of Dovecot's LMTP.
WORKS: dict[str, object] = {
    "hostname": "mx.example.org",
    "domains": ["example.org", "example.net"],
    "imagePullSecrets": [{"name": "registry"}],
    "postfix": {
        "parameters": {
            "message_size_limit": "1234567",
            "recipient_delimiter": "+",
            "virtual_alias_maps": f"inline:{{info@example.org={ALICE}}}",
            "smtpd_milters": "inet:127.0.0.1:1",
            "milter_default_action": "accept",
        }
    },
    "dovecot": {
        "extraConfig": "protocol lmtp {\n  lmtp_save_to_detail_mailbox = yes\n  lda_mailbox_autocreate = yes\n}\n"
    },
}


@dataclass(frozen=True)
class RolledOut:
    """A MailStack after a change that works, what was in its queue when it came, and what another server sent alice."""

    stack: Stack
    queued: list[Letter]
    sent: Record


@pytest.fixture(scope="module")
def changed(stacks: dict[str, Stack], client: Client) -> RolledOut:
    """Mail waits in the queue because Dovecot's LMTP is away; the new pod's is not."""
    stack = stacks["Unix"]
    stack.wait_ready()
    assert {reply.code for reply in client.ask(stack.host, *KNOWN)} == {250}
    stack.stop_lmtp()
    queued = [letter(KNOWN[n % 4], f"queued-{n}") for n in range(100)]
    assert {reply.code for reply in client.send(stack.host, *queued)} == {250}
    until("all messages are in the queue", lambda: len(stack.queue()) == len(queued), 60)
    stack.kubectl.apply(manifests.users(*KNOWN, NEW))
    with sending(client, stack.host, ALICE, "sent") as sent:
        stack.patch(**WORKS)
        stack.wait_ready()
    return RolledOut(stack, queued, sent)


def test_the_queue_outlives_a_roll_out_and_the_new_domain_is_served(changed: RolledOut, client: Client) -> None:
    """Promise: each message arrives exactly once: what was queued, and what a server sent that tries again."""
    stack = changed.stack
    until("the new domain's user is accepted", lambda: client.ask(stack.host, NEW)[0].code == 250, 60)
    assert client.send(stack.host, letter(NEW, "to-the-new-domain"))[0].code == 250
    stack.wait_queue_empty()
    for user in KNOWN:
        wanted = sorted(header_of(each.data, "Subject") for each in changed.queued if each.to == user)
        found = inbox.subjects(client, stack.host, user)
        assert [each for each in found if each.startswith("queued-")] == wanted
    assert inbox.subjects(client, stack.host, NEW) == ["to-the-new-domain"]
    audit.arrives_once(client, stack, ALICE, changed.sent)


def test_a_parameter_is_taken_by_the_running_pod_amid_mail(changed: RolledOut, client: Client) -> None:
    """Promise: what a reload takes replaces no pod and refuses nobody, and Ready is True once it is in use."""
    stack = changed.stack
    stack.wait_ready()
    assert "size 1234567" in client.extensions(stack.host)
    before, answers = pods.identities(stack), list[int | str]()
    stack.patch(postfix={"parameters": {"message_size_limit": "7654321"}})

    def in_use() -> bool:
        answers.append(_answer(client, stack, f"amid-a-change-{len(answers)}"))
        return stack.condition("Ready").get("status") == "True"

    until("the change is in use", in_use, READY_SECONDS)
    assert "size 7654321" in client.extensions(stack.host)
    assert set(answers) == {250}, answers
    assert pods.identities(stack) == before
    stack.wait_queue_empty()
    sent = [f"amid-a-change-{number}" for number in range(len(answers))]
    found = inbox.subjects(client, stack.host, ALICE)
    assert [each for each in found if each.startswith("amid-a-change-")] == sorted(sent)


def _answer(client: Client, stack: Stack, subject: str) -> int | str:
    """Postfix's reply code to a message, or why there is none."""
    try:
        return client.send(stack.host, letter(ALICE, subject))[0].code
    except CommandError as error:
        return error.stderr


def test_settings_that_work_are_rolled_out_and_take_effect(changed: RolledOut, client: Client) -> None:
    """Promise: what a server takes, it gets. What is not in a table of addresses is verified as before."""
    stack = changed.stack
    assert stack.pod()["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert stack.run_in("postfix", "postconf", "-h", "recipient_delimiter").strip() == "+"
    replies = client.send(
        stack.host, letter("alice+Work@example.org", "to-a-folder"), letter("info@example.org", "to-info")
    )
    assert {reply.code for reply in replies} == {250}
    inbox.wait_for(client, stack.host, ALICE, "to-a-folder", folder="Work")
    inbox.wait_for(client, stack.host, ALICE, "to-info")
    assert client.ask(stack.host, NOBODY)[0].code == 550


def test_a_filter_among_the_parameters_is_asked(changed: RolledOut, client: Client) -> None:
    """Promise: as before spec.milters, which the warning names."""
    stack = changed.stack
    assert client.ask(stack.host, ALICE)[0].code == 250
    assert "connect to Milter service inet:127.0.0.1:1: Connection refused" in "\n".join(stack.log("postfix"))
    stack.wait_condition("Warnings", "True", "Deprecated.*smtpd_milters works")
