"""An internet of the tests' own: a container beside the cluster's node, with its own DNS, a mail server and clients.

It reaches the addresses of the cluster's load balancers through the node, as their controllers would have it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from harness import images, paths
from mailtest import internet, node
from mailtest.client import Speaker
from mailtest.command import run
from mailtest.stack import Stack, container_status
from mailtest.wait import until

NAME = f"{paths.CLUSTER}-internet"
NETWORK = "kind"
# RFC 5737 and RFC 3849: of load balancers in the cluster, of one outside of it (HAProxy), and of clients of that.
BALANCERS = "192.0.2.0/24"
PROXY_ADDRESSES = ("203.0.113.10", "2001:db8::10")
CLIENT_ADDRESSES = ("198.51.100.7", "2001:db8::7")


@dataclass(frozen=True)
class Outside(Speaker):
    """The container; `address` is what the cluster sees of it."""

    address: str

    @property
    def python(self) -> tuple[str, ...]:
        return ("docker", "exec", "--interactive", NAME, "python3")

    @property
    def reverse(self) -> str:
        """The name under which the DNS has the address's own name."""
        return f"{ip_address(self.address).reverse_pointer}."

    def run(self, *command: str, stdin: str = "", seconds: float = 120.0) -> str:
        """What a command prints in the container. Raises CommandError."""
        return run("docker", "exec", "--interactive", NAME, *command, stdin=stdin, seconds=seconds)

    def write(self, path: Path, text: str) -> None:
        self.run("sh", "-c", 'cat > "$0.new" && mv "$0.new" "$0"', str(path), stdin=text)

    def publish(self, zone: str) -> None:
        """The DNS has these records, in zone-file form, and no others."""
        self.write(internet.ZONE, zone)

    @contextmanager
    def without_dns(self) -> Iterator[None]:
        """Its DNS fails meanwhile."""
        self.write(internet.AWAY, "")
        try:
            yield
        finally:
            self.run("rm", str(internet.AWAY))

    def mail(self) -> list[str]:
        """The messages that its mail server took, each as a file in the container."""
        return [f"{internet.MAIL}/{name}" for name in self.run("ls", str(internet.MAIL)).split()]


@contextmanager
def running() -> Iterator[Outside]:
    """The container, which is gone after the block."""
    _remove()
    program = Path(internet.__file__).read_text()
    options = (f"--name={NAME}", f"--network={NETWORK}", "--cap-add=NET_ADMIN", "--detach")
    run("docker", "run", *options, images.PROGRAMS.reference, "python3", "-c", program)
    try:
        yield _connected()
    finally:
        _remove()


def _remove() -> None:
    run("docker", "rm", "--force", "--volumes", NAME)


def _connected() -> Outside:
    """With its routes, its addresses and its own DNS, which answers."""
    (network,) = json.loads(run("docker", "inspect", "--format={{json .NetworkSettings.Networks}}", NAME)).values()
    outside = Outside(network["IPAddress"])
    pairs = (word for pair in zip(PROXY_ADDRESSES, CLIENT_ADDRESSES, strict=True) for word in pair)
    outside.run("sh", "-euc", _SET_UP, str(internet.ZONE), BALANCERS, node.address(), outside.address, *pairs)
    return outside


# Of each pair, whoever connects to the first from here has the second as their address.
_SET_UP = """\
echo "nameserver $3" > /etc/resolv.conf
: > "$0"
ip route add "$1" via "$2"
shift 3
while [ $# -gt 0 ]; do
  case $1 in *:*) family=-6 now=nodad ;; *) family=-4 now= ;; esac
  ip address add "$1" dev lo $now
  ip address add "$2" dev lo $now
  # The kernel makes that of IPv6 a moment later.
  until ip "$family" route del local "$1" dev lo table local 2> /dev/null; do sleep 0.1; done
  ip "$family" route add local "$1" dev lo table local src "$2"
  shift 2
done
until dig +tries=1 +time=1 unknown.example | grep -q NXDOMAIN; do sleep 0.1; done
"""


def use_dns(stack: Stack, outside: Outside) -> None:
    """The mail pod asks the DNS of the internet, and no longer that of the cluster."""
    postfix = container_status(stack.pod(), "postfix")["containerID"]
    for protocol in ("udp", "tcp"):
        rule = ("-p", protocol, "--dport", "53", "-j", "DNAT", "--to-destination", outside.address)
        node.in_network(postfix, "iptables", "-t", "nat", "-A", "OUTPUT", *rule)
    # The filter goes on with the sockets that it has; none is an error.
    node.in_network(postfix, "sh", "-c", "conntrack -D -p udp --dport 53 2>&1 || true")


def give_address(stack: Stack, audience: str, address: str) -> None:
    """What the controller of a load balancer does for `smtp` or `clients`, once the Service is there."""
    status = json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": address}]}}})
    service = f"{stack.name}-{audience}"
    until(f"Service {service} is there", lambda: stack.kubectl.get("service", service), 60)
    stack.kubectl("patch", "service", service, "--subresource=status", "--type=merge", "-p", status)
