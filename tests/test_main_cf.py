"""What main.cf makes of Postfix: the how-to's Postfix, and nothing that goes round it."""

import pytest

from mailstack_operator import topology
from mailstack_operator.api.postfix_parameters import MANAGED
from mailstack_operator.render import dovecot_conf, main_cf, master_cf
from tests.stacks import stack


def parameters(changes: dict[str, object] | None = None) -> dict[str, str]:
    text = main_cf.render(topology.decide(stack(changes)))  # type: ignore[arg-type]
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name.strip(): value.strip() for name, value in (line.split("=", 1) for line in lines)}


def test_the_managed_names_are_just_those_that_are_written() -> None:
    assert sorted(parameters()) == sorted(MANAGED)


def test_mail_goes_to_dovecot_over_the_socket_in_private() -> None:
    assert parameters()["virtual_transport"] == "lmtp:unix:private/dovecot-lmtp"


def test_both_servers_mean_the_same_socket() -> None:
    plan = topology.decide(stack({"spec.delivery.listener.unix.name": "lmtp-in"}))
    assert "virtual_transport = lmtp:unix:private/lmtp-in\n" in main_cf.render(plan)
    assert "unix_listener /var/spool/postfix/private/lmtp-in {" in dovecot_conf.render(plan)


def test_recipients_are_verified_after_foreign_domains_are_refused() -> None:
    assert parameters()["smtpd_recipient_restrictions"] == "reject_unauth_destination, reject_unverified_recipient"


def test_verification_can_be_switched_off() -> None:
    switched_off = parameters({"spec.verification": {"enabled": False}})
    assert switched_off["smtpd_recipient_restrictions"] == "reject_unauth_destination"


@pytest.mark.parametrize("name", ["mydestination", "local_recipient_maps", "virtual_mailbox_maps", "relay_domains"])
def test_postfix_has_no_user_source_of_its_own(name: str) -> None:
    assert parameters()[name] == ""


def test_every_domain_is_delivered_by_dovecot() -> None:
    domains = parameters({"spec.domains": ["example.org", "example.com"]})["virtual_mailbox_domains"]
    assert domains == "example.org example.com"


def test_the_specs_own_parameters_come_last() -> None:
    text = main_cf.render(topology.decide(stack({"spec.postfix.parameters": {"smtpd_banner": "$myhostname"}})))
    assert text.endswith("\nsmtpd_banner = $myhostname\n")


def test_every_socket_of_postfix_is_a_name_that_dovecot_may_not_take() -> None:
    from mailstack_operator.api.delivery import TAKEN_SOCKETS

    services = [line.split() for line in master_cf.render(topology.decide(stack())).splitlines() if not line.startswith("#")]
    private = {name for name, kind, private, *_ in services if kind.startswith("unix") and private == "-"}
    assert private <= set(TAKEN_SOCKETS)
