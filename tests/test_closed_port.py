"""Restrictions of an old main.cf that refuse all mail here, where no client is in mynetworks."""

import pytest

from mailstack_operator.stack import warnings
from mailstack_operator.stack.postfix.closed_port import closed_by
from mailstack_operator.stack.topology import decide
from tests.stacks import stack


@pytest.mark.parametrize(
    "restrictions",
    [
        "reject",
        "permit_mynetworks, reject",
        "permit_mynetworks permit_sasl_authenticated defer",
        "permit_mynetworks, reject_unauth_pipelining, reject_rbl_client zen.spamhaus.org=127.0.0.2, reject",
        "permit_mynetworks, warn_if_reject reject_unknown_client_hostname, sleep 5, reject",
    ],
)
@pytest.mark.parametrize("name", ["smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions"])
def test_a_list_that_lets_nobody_pass_is_warned_of(name: str, restrictions: str) -> None:
    """Fault: Ready was True, because the probe connects from 127.0.0.1, and each other server got 554."""
    closed = stack({"spec.postfix": {"parameters": {name: restrictions}}})
    (warning,) = warnings.of_spec(decide(closed))
    assert (warning.reason, name in warning.message) == ("SendersRefused", True)


@pytest.mark.parametrize(
    "restrictions",
    [
        "",
        "permit_mynetworks, reject_unauth_pipelining",
        "permit_mynetworks, warn_if_reject reject",
        "check_client_access cidr:{{192.0.2.0/24 OK}}, reject",
        "permit_dnswl_client list.example.net, reject",
        "permit_auth_destination, reject",
        "permit, reject",
        "own_class, reject",
    ],
)
def test_a_list_that_somebody_may_pass_is_the_administrators(restrictions: str) -> None:
    assert closed_by({"smtpd_client_restrictions": restrictions, "smtpd_data_restrictions": "reject"}) is None
