"""main.cf: Postfix receives for the MailStack's domains and hands everything to Dovecot over LMTP.

Sources: postconf(5), ADDRESS_VERIFICATION_README, and Dovecot's how-to "Postfix and Dovecot LMTP".
"""

from mailstack_operator.render import grammar
from mailstack_operator.topology import Topology


def render(topology: Topology) -> str:
    """The whole of main.cf: the operator's parameters, then the spec's own."""
    spec = topology.stack.spec
    managed = {**_base(), **_identity(topology), **_delivery(topology), **_verification(topology)}
    return grammar.HEADER + grammar.main_cf({**managed, **dict(sorted(spec.postfix.parameters.items()))})


def _base() -> dict[str, str]:
    return {
        "compatibility_level": "3.9",
        "maillog_file": "/dev/stdout",
        "biff": "no",
        # Dovecot's LMTP offers no SMTPUTF8: such mail would bounce after Postfix took it.
        "smtputf8_enable": "no",
        # After an outage of Dovecot mail flows again in seconds; Postfix's own values make it wait minutes.
        "minimal_backoff_time": "10s",
        "maximal_backoff_time": "2m",
        "queue_run_delay": "10s",
    }


def _identity(topology: Topology) -> dict[str, str]:
    spec = topology.stack.spec
    return {
        "myhostname": spec.hostname,
        # An address without a domain, such as RFC 5321's <postmaster>, means the first domain.
        "myorigin": spec.domains[0],
        "inet_interfaces": "all",
        "inet_protocols": "ipv4",
        # Nobody relays by where they connect from: in a cluster every pod would be a neighbour.
        "mynetworks": "127.0.0.0/8",
        "relay_domains": "",
        "smtpd_relay_restrictions": "reject_unauth_destination",
    }


def _delivery(topology: Topology) -> dict[str, str]:
    return {
        "mydestination": "",
        "local_recipient_maps": "",
        "local_transport": "error:5.1.1 no local delivery here",
        "alias_maps": "",
        "alias_database": "",
        "virtual_alias_domains": "",
        "virtual_mailbox_domains": " ".join(topology.stack.spec.domains),
        # Empty on purpose: whether a recipient exists, Postfix asks Dovecot.
        "virtual_mailbox_maps": "",
        "virtual_transport": topology.lmtp.transport,
    }


def _verification(topology: Topology) -> dict[str, str]:
    verification = topology.stack.spec.verification
    # Only what Dovecot delivers is verified: everything else is refused before it is asked for.
    restrictions = ["reject_unauth_destination"]
    if verification.enabled:
        restrictions.append("reject_unverified_recipient")
    return {
        "smtpd_recipient_restrictions": ", ".join(restrictions),
        "unverified_recipient_reject_code": str(verification.reject_code),
        "address_verify_map": "lmdb:$data_directory/verify_cache",
        # Without the negative cache an unknown recipient never gets more than 450.
        "address_verify_negative_cache": "yes",
        "address_verify_poll_delay": verification.poll_delay,
        "address_verify_positive_refresh_time": verification.positive.refresh,
        "address_verify_positive_expire_time": verification.positive.expire,
        "address_verify_negative_refresh_time": verification.negative.refresh,
        "address_verify_negative_expire_time": verification.negative.expire,
    }
