"""A changed configuration is tried in a pod of its own before the running pods get it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from conftest import CreateStack
from mailtest import inbox, manifests, pods
from mailtest.client import Client, letter
from mailtest.stack import Stack
from mailtest.wait import until

ALICE = manifests.address("alice")
OVER_TCP = {"listener": {"type": "Inet"}}


@dataclass(frozen=True)
class Fault:
    """A change of the spec that a server cannot run with, and what the status says of it, as a pattern.

    `condition` is the one that is True for it besides Ready=False.
    """

    change: dict[str, dict[str, object]]
    words: str
    condition: str = "Stalled"
    delivery: Mapping[str, object] = field(default_factory=dict)

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
        delivery=OVER_TCP,
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
        _extra_config("protocol lmtp {", "  mail_plugins {", "    no_such_plugin = yes", "  }", "}"),
        r"ConfigRefused: .*Plugin 'no_such_plugin' not found",
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
def good(create_stack: CreateStack) -> Stack:
    """Runs, and is to get settings that work."""
    return create_stack("good")


@pytest.fixture(scope="module")
def changed(create_stack: CreateStack, good: Stack) -> dict[str, Changed]:
    """A running MailStack for each fault, all changed at once."""
    stacks = {name: create_stack(name, delivery=fault.delivery) for name, fault in FAULTS.items()}
    for stack in [*stacks.values(), good]:
        stack.wait_ready()
    found = {name: Changed(stack, FAULTS[name], pods.identities(stack)) for name, stack in stacks.items()}
    for each in found.values():
        each.stack.patch(**each.fault.change)
    return found


@pytest.fixture(params=FAULTS)
def case(changed: dict[str, Changed], request: pytest.FixtureRequest) -> Changed:
    return changed[request.param]


def test_it_is_refused_in_the_servers_own_words_while_the_running_pods_go_on(case: Changed, client: Client) -> None:
    """Fault: a value that only the real program can judge. Nobody who uses the server notices it."""
    case.stack.wait_condition("Ready", "False", f"^{case.fault.words}.*running pods keep")
    case.stack.wait_condition(case.fault.condition, "True", f"^{case.fault.words}", 5)
    assert pods.identities(case.stack) == case.before
    inbox.deliver(client, case.stack, ALICE, "while-it-is-refused")


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


def test_settings_that_work_are_rolled_out_and_take_effect(good: Stack, client: Client) -> None:
    """Promise: what a server takes, it gets: a limit of Postfix that SMTP shows, a feature of Dovecot's LMTP."""
    good.wait_ready()
    extra = "protocol lmtp {\n  lmtp_save_to_detail_mailbox = yes\n  lda_mailbox_autocreate = yes\n}\n"
    parameters = {"message_size_limit": "1234567", "recipient_delimiter": "+"}
    good.patch(postfix={"parameters": parameters}, dovecot={"extraConfig": extra})
    good.wait_ready()

    assert "size 1234567" in client.extensions(good.host)
    assert client.send(good.host, letter("alice+Work@example.org", "to-a-folder"))[0].code == 250
    inbox.wait_for(client, good.host, ALICE, "to-a-folder", folder="Work")
