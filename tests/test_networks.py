"""Networks as Kubernetes and the servers take them."""

import pytest

from mailstack_operator.stack.networks import canonical, postfix_patterns


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("192.0.2.7/24", "192.0.2.0/24"),
        ("2001:DB8:0:0::1/32", "2001:db8::/32"),
        # The API server refuses it: "must not have an IPv4-mapped IPv6 address".
        ("::ffff:c000:207/128", "192.0.2.7/32"),
        ("0:0:0:0:0:FFFF:c000:207/120", "192.0.2.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::ffff:0:0/95", "::fffe:0:0/95"),
        ("::/0", "::/0"),
    ],
)
def test_the_api_server_takes_each(given: str, taken: str) -> None:
    assert canonical([given]) == [taken]


def test_each_is_there_once() -> None:
    assert canonical(["192.0.2.1/24", "::ffff:c000:202/120"]) == ["192.0.2.0/24"]


def test_postfix_has_brackets_around_ipv6() -> None:
    assert postfix_patterns(["192.0.2.0/24", "2001:db8::/32"]) == ["192.0.2.0/24", "[2001:db8::]/32"]
