"""What to look at of a spec that is valid and works. Pure."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from mailstack_operator.api.conditions import WarningReason
from mailstack_operator.kube import names
from mailstack_operator.stack import exposure
from mailstack_operator.stack.postfix import closed_port, milters
from mailstack_operator.stack.topology import Topology
from mailstack_probe.contract import StackWarning

# Finds warnings in what the spec asks for.
Source: TypeAlias = Callable[[Topology], Iterator[StackWarning]]


def _name(topology: Topology) -> Iterator[StackWarning]:
    name = topology.stack.key.name
    if len(name) > names.MAX_NEW_STACK_NAME:
        message = (
            f"this name has {len(name)} characters, and a later version may refuse more than "
            f"{names.MAX_NEW_STACK_NAME}: make a MailStack with a shorter name and move the mail, which is on the "
            f"claim {names.mail_claim(name)}"
        )
        yield StackWarning(WarningReason.NAME_TOO_LONG, message)


def _links(topology: Topology) -> Iterator[StackWarning]:
    for link in topology.links.values():
        if link.remark:
            yield StackWarning(WarningReason.NOT_ENCRYPTED, link.remark)


def _deprecated(topology: Topology) -> Iterator[StackWarning]:
    for name in milters.OLD:
        if topology.spec.postfix.parameters.get(name):
            message = f"postfix.parameters.{name} works, and a later version may refuse it: set spec.milters instead"
            yield StackWarning(WarningReason.DEPRECATED, message)


def _senders(topology: Topology) -> Iterator[StackWarning]:
    if name := closed_port.closed_by(topology.spec.postfix.parameters):
        message = (
            f"postfix.parameters.{name} refuses mail from every other server on port 25: only the pod itself is in "
            "mynetworks here, and logins are on the ports of spec.submission; name who may send, such as with "
            "check_client_access cidr:{{192.0.2.0/24 OK}}, or remove the parameter"
        )
        yield StackWarning(WarningReason.SENDERS_REFUSED, message)


SOURCES: tuple[Source, ...] = (_name, _links, exposure.warnings, _deprecated, _senders)


def of_spec(topology: Topology) -> Iterator[StackWarning]:
    """The warnings of all sources."""
    for source in SOURCES:
        yield from source(topology)
