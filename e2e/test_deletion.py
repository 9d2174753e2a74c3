"""A MailStack is deleted, and made again."""

from conftest import NewStack
from mailtest import manifests
from mailtest.client import Client, header_of, letter
from mailtest.wait import until

ALICE = manifests.address("alice")
VOLUMES = ["data-mail-0", "mail-mail-0", "queue-mail-0"]


def test_all_children_go_and_the_mail_is_still_there_for_a_new_stack(new_stack: NewStack, client: Client) -> None:
    """Promise: `kubectl delete mailstack` removes all that runs, and no mail; made again, it serves the old mail."""
    stack = new_stack("deletion")
    assert client.send(stack.host, letter(ALICE, "from-before"))[0].code == 250
    stack.wait_queue_empty()

    stack.kubectl.delete("mailstack", "mail")

    until("no child is left", lambda: stack.children() == [], 60)
    until("no pod is left", lambda: stack.kubectl.list("pods") == [], 60)
    claims = stack.kubectl.list("persistentvolumeclaims")
    assert sorted(claim["metadata"]["name"] for claim in claims) == VOLUMES

    stack.kubectl.apply(manifests.mailstack())
    stack.wait_ready()
    assert client.send(stack.host, letter(ALICE, "from-after"))[0].code == 250
    stack.wait_queue_empty()
    inbox = client.fetch(stack.host, ALICE, manifests.PASSWORD)
    assert sorted(header_of(each, "Subject") for each in inbox) == ["from-after", "from-before"]
