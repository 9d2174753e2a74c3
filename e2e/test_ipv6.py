"""A MailStack where there is IPv6. The tests' cluster has none, so what the operator renders runs in a network of its
own, with IPv6 alone or with both: in the real images, with their scripts, as a kubelet would start them. Probe and
Services are away.

LMTP is over TCP, so that the servers too have to find each other.
"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
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


@dataclass(frozen=True)
class Family:
    """Addresses of the pods of Postfix and of Dovecot, which share the network of the test."""

    name: str
    smtp: str
    imap: str


IPV4, IPV6 = Family("IPv4", "10.77.0.1", "10.77.0.2"), Family("IPv6", "fd77::1", "fd77::2")
NETWORKS = {"IPv6 alone": [IPV6], "both": [IPV4, IPV6]}
DOVECOT = "mail-dovecot.ipv6.svc"
ALICE, NOBODY = map(manifests.address, ("alice", "nobody"))
_NETWORK = (
    "--network=none",
    "--cap-add=NET_ADMIN",
    "--sysctl=net.ipv6.conf.all.disable_ipv6=0",
    "--sysctl=net.ipv6.conf.lo.disable_ipv6=0",
)
_ADDRESSES = 'for one; do case $one in *:*) now=nodad ;; *) now= ;; esac; ip address add "$one" dev lo $now; done'


@dataclass(frozen=True)
class Inside(Speaker):
    """A client in the network of the pod."""

    pod: Pod
    families: list[Family]

    @property
    def python(self) -> tuple[str, ...]:
        return ("docker", "exec", "--interactive", self.pod.name, "python3")

    def log(self, container: str) -> str:
        return run("docker", "logs", f"{self.pod.name}-{container}")


@pytest.fixture(scope="module", params=NETWORKS)
def inside(request: pytest.FixtureRequest) -> Iterator[Inside]:
    """The servers are started."""
    families = NETWORKS[request.param]
    with tempfile.TemporaryDirectory(prefix="mailstack-ipv6-") as name, _network(families) as made:
        addresses = [address for family in families for address in (family.smtp, family.imap)]
        run("docker", "exec", made.name, "sh", "-euc", _ADDRESSES, "sh", *addresses)
        _start_servers(made, Path(name))
        yield Inside(made, families)


def _network(families: list[Family]) -> AbstractContextManager[Pod]:
    """Dovecot's name has the addresses of all families."""
    names = (f"--add-host={DOVECOT}:{family.imap}" for family in families)
    return pod(images.PROGRAMS.reference, network=(*_NETWORK, *names))


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


def test_mail_is_delivered_over_each_protocol_of_the_network(inside: Inside) -> None:
    """Promise: Postfix verifies at Dovecot, refuses, takes and delivers, and the user reads, over IPv6 alone too."""
    for family in inside.families:
        until(f"Postfix verifies over {family.name}", partial(_is_served, inside, family), 90)
        assert inside.send(family.smtp, letter(ALICE, f"over-{family.name}"))[0].code == 250
    sent = [f"over-{family.name}" for family in inside.families]
    for family in inside.families:
        until("the messages have arrived", partial(_has, inside, family, sent), 90)
    written = inside.log("postfix")
    assert {family.smtp for family in inside.families} == {*re.findall(r"connect from unknown\[(.*?)\]", written)}
    relays = {*re.findall(rf"to=<{ALICE}>, relay={re.escape(DOVECOT)}\[(.*?)\]:24,", written)}
    assert relays
    assert relays <= {family.imap for family in inside.families}


def _is_served(inside: Inside, family: Family) -> bool:
    return [reply.code for reply in inside.ask(family.smtp, ALICE, NOBODY)] == [250, 550]


def _has(inside: Inside, family: Family, subjects: list[str]) -> bool:
    """Whether alice finds these messages, and no others."""
    found = inside.fetch(family.imap, ALICE, manifests.PASSWORD)
    return sorted(header_of(each, "Subject") for each in found) == subjects
