"""The child objects of a MailStack, one builder per object. Pure: a topology in, manifests out."""

from mailstack_operator.desired import config_maps, service, stateful_set
from mailstack_operator.objects import Object
from mailstack_operator.topology import Topology


def children(topology: Topology) -> list[Object]:
    """Every child object that the MailStack wants, complete and in no order that matters."""
    postfix = config_maps.postfix(topology)
    dovecot = config_maps.dovecot(topology)
    return [
        postfix,
        dovecot,
        service.mail(topology),
        stateful_set.mail(topology, config_maps.digest(postfix, dovecot)),
    ]
