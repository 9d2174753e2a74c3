"""The child objects of a MailStack, one builder per object. Pure: a topology in, manifests out."""

from mailstack_operator.desired import config_maps, service, stateful_set
from mailstack_operator.objects import Object, digest
from mailstack_operator.topology import Topology


def children(topology: Topology) -> list[Object]:
    """Every child object that the MailStack wants, complete and in no order that matters."""
    postfix = config_maps.postfix(topology)
    dovecot = config_maps.dovecot(topology)
    return [
        postfix,
        dovecot,
        service.mail(topology),
        # The pods roll when what they read at their start changes.
        stateful_set.mail(topology, digest([postfix["data"], dovecot["data"]])),
    ]
