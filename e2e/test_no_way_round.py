"""Nothing leads round LMTP: what the schema cannot know is found by asking the servers, before the pods get it.

The names and values that are refused by themselves stand in tests/data/bad (test_bad_input.py).
"""

import pytest

from conftest import CreateStack
from mailtest import inbox, manifests, pods
from mailtest.client import Client, letter
from mailtest.stack import Stack

ALICE, NOBODY = manifests.address("alice"), manifests.address("nobody")


@pytest.fixture(scope="module")
def stack(create_stack: CreateStack) -> Stack:
    found = create_stack("mail")
    found.wait_ready()
    return found


def test_a_setting_by_which_everybody_would_exist_is_found_out(stack: Stack, client: Client) -> None:
    """Fault: a harmless name whose value rewrites every RCPT to a user who exists; postconf finds nothing wrong.

    So the try-out asks for an address that nobody has, and Postfix must refuse it.
    """
    before = pods.identities(stack)

    stack.patch(postfix={"parameters": {"smtpd_command_filter": f"regexp:{{{{/^RCPT TO:.*/ RCPT TO:<{ALICE}>}}}}"}})

    words = r"Postfix accepts an address that does not exist .*address verification does not work"
    stack.wait_condition("Stalled", "True", f"^ConfigRefused: .*{words}")
    assert pods.identities(stack) == before
    assert client.ask(stack.host, NOBODY)[0].code == 550
    stack.patch(postfix={"parameters": None})
    stack.wait_ready()


def test_single_addresses_may_have_another_name(stack: Stack, client: Client) -> None:
    """Promise: a table of single addresses works, and what is not in it is verified as before."""
    stack.patch(postfix={"parameters": {"virtual_alias_maps": f"inline:{{info@example.org={ALICE}}}"}})
    stack.wait_ready()

    assert client.send(stack.host, letter("info@example.org", "to-info"))[0].code == 250
    inbox.wait_for(client, stack.host, ALICE, "to-info")
    assert client.ask(stack.host, NOBODY)[0].code == 550
