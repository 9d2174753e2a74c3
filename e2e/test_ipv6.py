"""A MailStack where there is no IPv4. The tests' cluster has nothing else, so what the operator renders runs in a
network of its own: in the real images, with their scripts, as a kubelet would start them. Probe and Services are away.

LMTP is over TCP, so that the servers too have to find each other.
"""

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.path import kubelet
from bench.path.containers import Pod, pod
from harness import images
from mailstack_operator.kube.metadata import ref_of
from mailstack_operator.kube.objects import Object, section, text
from mailstack_operator.stack import children, topology
from mailstack_operator.stack.parser import parse
from mailtest import manifests
from mailtest.client import Speaker, header_of, letter
from mailtest.command import run
from mailtest.wait import until

# Of the pods of Postfix and of Dovecot, which share the network of the test.
SMTP, IMAP = "fd77::1", "fd77::2"
DOVECOT = "mail-dovecot.ipv6.svc"
ALICE, NOBODY = map(manifests.address, ("alice", "nobody"))
_NO_IPV4 = (
    "--network=none",
    "--cap-add=NET_ADMIN",
    "--sysctl=net.ipv6.conf.all.disable_ipv6=0",
    "--sysctl=net.ipv6.conf.lo.disable_ipv6=0",
)
_ADDRESSES = f"for one in {SMTP} {IMAP}; do ip address add $one dev lo nodad; done"


@dataclass(frozen=True)
class Inside(Speaker):
    """A client in the network of the pod."""

    pod: Pod

    @property
    def python(self) -> tuple[str, ...]:
        return ("docker", "exec", "--interactive", self.pod.name, "python3")

    def log(self, container: str) -> str:
        return run("docker", "logs", f"{self.pod.name}-{container}")


@pytest.fixture(scope="module")
def inside() -> Iterator[Inside]:
    """The servers are started."""
    with tempfile.TemporaryDirectory(prefix="mailstack-ipv6-") as name, _network() as made:
        run("docker", "exec", made.name, "sh", "-euc", _ADDRESSES)
        _start_servers(made, Path(name))
        yield Inside(made)


def _network() -> AbstractContextManager[Pod]:
    return pod(images.PROGRAMS.reference, hosts={DOVECOT: IMAP}, network=_NO_IPV4)


def _start_servers(made: Pod, folder: Path) -> None:
    found = _children()
    maps = {ref_of(each).name: _texts(each) for each in found if each["kind"] == "ConfigMap"}
    users = {"users": manifests.passwd_file(ALICE, manifests.address("dave"))}
    sets = {ref_of(each).name: each for each in found if each["kind"] == "StatefulSet"}
    for name in sorted(sets, reverse=True):
        (folder / name).mkdir()
        kubelet.start(made, sets[name], {**maps, "mail-users": users}, folder / name)


def _children() -> list[Object]:
    body = manifests.mailstack("mail", delivery={"listener": {"type": "Inet"}})
    return children.children(topology.decide(parse({**body, "metadata": {"name": "mail", "namespace": "ipv6"}})))


def _texts(config_map: Object) -> dict[str, str]:
    data = section(config_map, "data")
    return {name: text(data, name) for name in data}


def test_mail_is_delivered_where_there_is_no_ipv4(inside: Inside) -> None:
    """Promise: Postfix verifies at Dovecot, refuses, takes and delivers, and the user reads, over IPv6 alone."""
    until("Postfix verifies", lambda: [each.code for each in inside.ask(SMTP, ALICE, NOBODY)] == [250, 550], 90)
    assert inside.send(SMTP, letter(ALICE, "over-ipv6"))[0].code == 250
    until("the message has arrived", lambda: _subjects(inside) == ["over-ipv6"], 90)
    written = inside.log("postfix")
    assert f"connect from unknown[{SMTP}]" in written
    assert f"to=<{ALICE}>, relay={DOVECOT}[{IMAP}]:24," in written


def _subjects(inside: Inside) -> list[str]:
    return [header_of(each, "Subject") for each in inside.fetch(IMAP, ALICE, manifests.PASSWORD)]
