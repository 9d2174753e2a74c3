"""How Postfix reaches Dovecot: what the two kinds of link say to both servers, the probe and a person."""

import pytest

from mailstack_operator.kube.objects import Json
from mailstack_operator.stack import link, topology
from mailstack_operator.stack.ports import MAIL_PORTS, POSTFIX_PORTS
from tests.stacks import stack


def test_the_lmtp_socket_cannot_take_a_name_in_use() -> None:
    assert {"auth", "quota-status", "smtp", "verify"} <= set(link.taken_sockets())
    assert "dovecot-lmtp" not in link.taken_sockets()


def test_lmtp_cannot_take_a_port_in_use() -> None:
    assert link.taken_ports() == [143, 993, 4190, 12340, 12345]


def test_a_socket_that_is_missing_is_told_as_missing() -> None:
    lmtp = topology.decide(stack()).lmtp
    assert lmtp.state({"dovecot-lmtp": "srw------- postfix:postfix"}) == "srw------- postfix:postfix"
    assert lmtp.state({}).startswith("missing")
    assert lmtp.state(None) == "unknown"


def test_in_one_pod_postfix_connects_to_the_port_of_dovecots_container() -> None:
    changes: dict[str, Json] = {
        "spec.delivery": {"listener": {"type": "Inet"}},
        "spec.dovecot": {"rootless": {"runAsUser": 2525}},
    }
    plan = topology.decide(stack(changes))
    assert plan.lmtp.endpoint == "inet:mail-dovecot.post.svc:24"
    assert plan.on_loopback().lmtp.endpoint == "inet:mail-dovecot.post.svc:10024"
    assert str(plan.lmtp.address_in_pod) == "inet:127.0.0.1:10024"


@pytest.mark.parametrize("port", POSTFIX_PORTS)
def test_a_rehearsal_works_with_a_port_that_postfix_has_in_its_own_pod(port: int) -> None:
    plan = topology.decide(stack({"spec.delivery": {"listener": {"type": "Inet", "inet": {"port": port}}}}))
    rehearsed = plan.on_loopback().lmtp
    assert rehearsed.port
    assert rehearsed.port.container not in {*POSTFIX_PORTS, *MAIL_PORTS}
    assert rehearsed.endpoint == f"inet:mail-dovecot.post.svc:{rehearsed.port.container}"
    assert plan.lmtp.endpoint == f"inet:mail-dovecot.post.svc:{port}"
