"""A MailStack is deleted, and made again."""

from mailtest import manifests
from mailtest.client import Client, header_of, letter
from mailtest.stack import Stack
from mailtest.wait import until
from mailtest.wire import Endpoint
from single import pages
from single.conftest import mailstack

ALICE = manifests.address("alice")
VOLUMES = ["data-mail-0", "mail-mail-0", "queue-mail-0"]


def test_all_children_go_and_the_mail_is_still_there_for_a_new_stack(stack: Stack, client: Client) -> None:
    """Promise: `kubectl delete mailstack` removes all that runs, and no mail; made again, it serves the old mail.

    The operator's memory and Prometheus' do not grow with MailStacks that were.
    """
    assert client.send(stack.host, letter(ALICE, "from-before"))[0].code == 250
    stack.wait_queue_empty()
    assert _is_shown(stack)

    stack.kubectl.delete("mailstack", "mail")

    until("no child is left", lambda: stack.children() == [], 60)
    until("the operator forgets it", lambda: not _is_shown(stack), 60)
    until("no pod is left", lambda: stack.kubectl.list("pods") == [], 60)
    claims = stack.kubectl.list("persistentvolumeclaims")
    assert sorted(claim["metadata"]["name"] for claim in claims) == VOLUMES

    stack.kubectl.apply(mailstack())
    stack.wait_ready()
    assert client.send(stack.host, letter(ALICE, "from-after"))[0].code == 250
    stack.wait_queue_empty()
    inbox = client.fetch(Endpoint(stack.host, security="starttls"), ALICE, manifests.PASSWORD)
    assert sorted(header_of(each, "Subject") for each in inbox) == ["from-after", "from-before"]


def _is_shown(stack: Stack) -> bool:
    return pages.shows(pages.operator(), pages.ready_line(stack, "true"))
