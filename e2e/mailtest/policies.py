"""NetworkPolicies, enforced: the network of the tests' cluster lets everything through, so the node drops instead what
they do not let through (tests/packet_filter.py)."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from tests import packet_filter
from tests.packet_filter import Pod
from tests.policies import Peer

from mailtest import node
from mailtest.kubectl import Kubectl, Object

# A command, run somewhere; what it prints.
Runner = Callable[..., str]


@contextmanager
def enforced(kubectl: Kubectl) -> Iterator[None]:
    """The policies of the namespace, as they and all pods are now. Connections that are open stay so."""
    rules = packet_filter.render(kubectl.list("networkpolicies"), kubectl.namespace, _pods())
    node.shell('printf %s "$1" | nft -f -', rules)
    try:
        yield
    finally:
        node.on_node("nft", "delete", "table", "inet", packet_filter.table(kubectl.namespace))


def remove_leftovers() -> None:
    """Of a run that was killed: another pod may have the address of one of its own."""
    node.shell('nft list tables | grep " $1" | while read -r table; do nft delete $table; done', packet_filter.PREFIX)


def _pods() -> list[Pod]:
    """Those that have an address of their own."""
    found = (pod for pod in Kubectl().list("pods") if not pod["spec"].get("hostNetwork"))
    return [Pod(_peer(pod["metadata"]), [one["ip"] for one in pod["status"].get("podIPs", [])]) for pod in found]


def _peer(metadata: Object) -> Peer:
    return Peer(labels=metadata.get("labels", {}), namespace=metadata["namespace"])


def within(pod: Object) -> Runner:
    """Runs programs of the node in the pod's network."""
    return partial(node.in_network, pod["status"]["containerStatuses"][0]["containerID"])


def reached(runner: Runner, doors: Iterable[str]) -> set[str]:
    """Those of the doors, such as `10.0.0.1/25`, at which a connection is accepted or refused, and not dropped."""
    return {*runner("bash", "-euc", _REACH, "bash", *doors).split()}


# bash ends with 1 if the connection is refused, and timeout with 124 if nobody answers.
_REACH = """\
for door; do
  { timeout 5 bash -c 'exec 3<> "/dev/tcp/$0"' "$door" 2> /dev/null || [ $? = 1 ]; } && echo "$door" &
done
wait
"""
