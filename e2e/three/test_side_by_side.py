"""Several MailStacks at once."""

from mailtest import manifests
from mailtest.client import Client, header_of, letter
from mailtest.stack import Stack


def test_each_stack_delivers_its_own_mail_and_only_that(stacks: dict[str, Stack], client: Client) -> None:
    """Fault: two stacks that share a volume, a Service or a configuration."""
    for domain, stack in stacks.items():
        assert client.send(stack.host, letter(f"alice@{domain}", f"for-{domain}"))[0].code == 250

    for domain, stack in stacks.items():
        stack.wait_queue_empty()
        inbox = client.fetch(stack.host, f"alice@{domain}", manifests.PASSWORD)
        assert [header_of(each, "Subject") for each in inbox] == [f"for-{domain}"]


def test_no_stack_takes_the_mail_of_another(stacks: dict[str, Stack], client: Client) -> None:
    """Fault: a stack that knows the domains or the users of its neighbour."""
    for domain, stack in stacks.items():
        others = [f"alice@{other}" for other in stacks if other != domain]
        assert {reply.code for reply in client.ask(stack.host, *others)} == {554}


def test_each_stack_has_four_children_of_its_own(stacks: dict[str, Stack]) -> None:
    """Promise: two ConfigMaps, a Service and a StatefulSet, labelled with the MailStack's name."""
    for stack in stacks.values():
        name = stack.name
        wanted = [f"ConfigMap {name}-dovecot", f"ConfigMap {name}-postfix", f"Service {name}", f"StatefulSet {name}"]
        assert stack.children() == wanted


def test_one_stack_is_deleted_and_its_neighbours_keep_running(stacks: dict[str, Stack], client: Client) -> None:
    """Fault: pruning or garbage collection that goes by name alone."""
    neighbours = {domain: stack for domain, stack in stacks.items() if domain != "first.example.org"}
    before = {domain: stack.versions() for domain, stack in neighbours.items()}

    stacks["first.example.org"].kubectl.delete("mailstack", "first")

    assert {domain: stack.versions() for domain, stack in neighbours.items()} == before
    for domain, stack in neighbours.items():
        assert client.ask(stack.host, f"alice@{domain}")[0].code == 250
