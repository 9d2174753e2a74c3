"""Which components there are, and which of them share a pod."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mailstack_operator.stack import certificates, probe
from mailstack_operator.stack.component import Component
from mailstack_operator.stack.dovecot import component as dovecot
from mailstack_operator.stack.postfix import component as postfix
from mailstack_operator.stack.rspamd import component as rspamd
from mailstack_operator.stack.topology import Topology

# Builds the component for a MailStack; None if it wants none.
Builder: TypeAlias = Callable[[Topology], Component | None]

# The servers of a MailStack, from those that the network asks to those behind them.
SERVERS: tuple[Builder, ...] = (postfix.build, dovecot.build, rspamd.build)


@dataclass(frozen=True)
class Pod:
    """`server` is the one that the pod is named after; `components` are all, as `assemble` takes them."""

    server: Component
    components: Sequence[Component]


def servers(topology: Topology, builders: Sequence[Builder] = SERVERS) -> list[Component]:
    """The servers that the MailStack wants."""
    return [component for build in builders if (component := build(topology))]


def pods(topology: Topology, wanted: Sequence[Component]) -> list[Pod]:
    """The pods of these servers, each with what every pod has: its certificates and its probe."""
    return [_pod(topology, server, wanted) for server in wanted if not server.beside]


def _pod(topology: Topology, server: Component, wanted: Sequence[Component]) -> Pod:
    others = [each for each in wanted if each.beside == server.name]
    handed = certificates.build(topology, [server, *others])
    asking = probe.build(topology, [server, *handed, *others])
    return Pod(server, [*handed, server, asking, *others])
