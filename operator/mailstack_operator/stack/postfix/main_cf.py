"""main.cf: Postfix receives for the MailStack's domains and hands everything to Dovecot over LMTP.

Sources: postconf(5), ADDRESS_VERIFICATION_README, SASL_README, TLS_README, and Dovecot's how-to "Postfix and
Dovecot LMTP".
"""

from mailstack_operator.api.submission import Submission
from mailstack_operator.stack import aliases, roles, syntax
from mailstack_operator.stack.link import AUTH, QUOTA_STATUS
from mailstack_operator.stack.paths import OWN_SENDERS, RELAY_FILE, TLS_FILE, VIRTUAL
from mailstack_operator.stack.postfix import client_names, milters, rate_limits, sender_login
from mailstack_operator.stack.topology import Topology
from mailstack_operator.stack.users.source import Spec

# How long lmtp(8) waits for a Dovecot that does not answer, which holds the message and its place among the deliveries.
# What is cut short here is repeated soon and stored once. Not so after the end of the message: lmtp_data_done_timeout
# stays Postfix's 10 minutes, because Dovecot may have stored it (RFC 5321, 4.5.3.2.6).
_LMTP_TIMEOUTS = {
    **dict.fromkeys(
        (
            "lmtp_lhlo_timeout",
            "lmtp_starttls_timeout",
            "lmtp_xforward_timeout",
            "lmtp_mail_timeout",
            "lmtp_data_init_timeout",
            "lmtp_rset_timeout",
            "lmtp_quit_timeout",
        ),
        # Nothing is looked up for these.
        "15s",
    ),
    # Dovecot looks up the user and the quota, and it writes the message to its disk.
    "lmtp_rcpt_timeout": "60s",
    "lmtp_data_xfer_timeout": "60s",
}


# What Postfix takes only when it is stopped and started: postconf(5), and start-fg of postfix(1) for its log.
_RESTART = ("inet_interfaces", "inet_protocols", "maillog_file")


def render(topology: Topology) -> str:
    """The whole of main.cf: the operator's parameters, then the spec's own."""
    return syntax.HEADER + syntax.main_cf(_parameters(topology))


def restarts_for(topology: Topology) -> dict[str, str]:
    """The parameters that take a restart. Those of the pod's layout, which do too, cannot be set (parameters.py)."""
    found = _parameters(topology)
    return {name: found[name] for name in _RESTART}


def _parameters(topology: Topology) -> dict[str, str]:
    spec = topology.spec
    managed = {
        **_base(),
        **_outgoing_tls(spec),
        **_identity(topology),
        **_delivery(topology),
        **_verification(topology),
    }
    for found in topology.links.values():
        managed |= found.purpose.parameters(found)
    if spec.tls:
        managed |= _tls()
    if spec.submission:
        managed |= {**_login(topology), **_relay(spec.submission)}
    if spec.submission or topology.outgoing:
        managed["mua_recipient_restrictions"] = _verify_own(topology)
    own = dict(sorted(spec.postfix.parameters.items()))
    return {**managed, **defaults(topology), **own, **_aliases(topology)}


def defaults(topology: Topology) -> dict[str, str]:
    """Parameters with a value of the operator's that the spec's own parameters replace."""
    return {
        "message_size_limit": str(topology.message_size_limit),
        # Dovecot stores lines of any length; Postfix would fold those that are longer than RFC 5321 allows, and break
        # signatures and attachments.
        "lmtp_line_length_limit": "0",
        # As Dovecot's: mail to an extension of an alias goes to its targets.
        "recipient_delimiter": aliases.delimiter(topology.spec),
        # After a connection that fails, Postfix would not even ask Dovecot about a recipient for minimal_backoff_time.
        "lmtp_destination_concurrency_failed_cohort_limit": "0",
        **_LMTP_TIMEOUTS,
        **topology.lmtp.lmtp_defaults,
        **_client_names(topology),
        **rate_limits.parameters(topology.spec),
        # Many receivers require of an IPv6 client what pods rarely have, such as a reverse name; and the address of a
        # server that has IPv6 in its records only costs each message seconds.
        "smtp_address_preference": "ipv4",
        **milters.parameters(topology.spec),
        **_proxied(topology),
        # These tell strangers who exists, and what waits for whom.
        "disable_vrfy_command": "yes",
        "smtpd_etrn_restrictions": "reject",
        "smtpd_discard_ehlo_keywords": "etrn, silent-discard",
        # RFC 5321, 4.1.4, which only bad senders ignore.
        "smtpd_helo_required": "yes",
        # RFC 5321, 4.5.3.1.8: the least; a server sends again to those who are over it.
        "smtpd_recipient_limit": "100",
        "smtpd_tls_received_header": "yes",
        # Of the services that require TLS, where mail programs come. Port 25 is opportunistic: a server that knows no
        # better than TLS 1.0, or no certificates, would send in plain text instead.
        "smtpd_tls_mandatory_protocols": ">=TLSv1.2",
        "smtpd_tls_mandatory_exclude_ciphers": "aNULL",
    }


def _proxied(topology: Topology) -> dict[str, str]:
    """A load balancer's check that resets its connection ends smtpd with a fatal error. For that, master(8) would start
    no other for a minute, and every client would wait."""
    return {"service_throttle_time": "1s"} if topology.proxied(topology.postfix_ports) else {}


def _client_names(topology: Topology) -> dict[str, str]:
    """Mail is received without the DNS, unless the spec's own parameters need it."""
    spec = topology.spec
    needed = client_names.are_needed({**spec.postfix.parameters, **milters.parameters(spec)})
    return {} if needed else {"smtpd_peername_lookup": "no"}


def _aliases(topology: Topology) -> dict[str, str]:
    """The spec's own aliases, then role addresses whose mail goes to another server."""
    found = [*_own_aliases(topology), *_role_aliases(topology)]
    if not found:
        return {}
    tables = [topology.spec.postfix.parameters.get("virtual_alias_maps", ""), *found]
    return {"virtual_alias_maps": " ".join(filter(None, tables))}


def _own_aliases(topology: Topology) -> list[str]:
    return [f"texthash:{VIRTUAL}"] if topology.aliases else []


def _role_aliases(topology: Topology) -> list[str]:
    spec = topology.spec
    if roles.is_mailbox_here(spec) or spec.delivery.recipients == "Local":
        return []
    return [roles.alias_table(spec)]


def _base() -> dict[str, str]:
    return {
        "compatibility_level": "3.9",
        "maillog_file": "/dev/stdout",
        "biff": "no",
        # Dovecot's LMTP offers no SMTPUTF8: such mail would bounce after Postfix took it.
        "smtputf8_enable": "no",
    }


def _identity(topology: Topology) -> dict[str, str]:
    spec = topology.spec
    return {
        "myhostname": spec.hostname,
        # An address without a domain, such as RFC 5321's <postmaster>, means the first domain.
        "myorigin": spec.domains[0],
        "inet_interfaces": "all",
        # Where the kernel has no IPv6, the pod makes it ipv4 (files.sh).
        "inet_protocols": "all",
        # No client relays because of its address: in a cluster every pod would be a neighbour.
        "mynetworks": "127.0.0.0/8 [::1]/128",
        "relay_domains": "",
        # Of which the probe has deferred mail retried soon after an outage of Dovecot; other mail keeps Postfix's usual
        # back-off.
        "fast_flush_domains": " ".join(spec.domains),
        "smtpd_relay_restrictions": "reject_unauth_destination",
    }


def _delivery(topology: Topology) -> dict[str, str]:
    """Every address of the domains goes to LMTP; whether it exists, Postfix asks Dovecot and no list of its own."""
    domains, transport = " ".join(aliases.domains(topology.spec)), f"lmtp:{topology.lmtp.endpoint}"
    if topology.spec.delivery.recipients == "Local":
        return _local(domains, transport)
    return _virtual(domains, transport)


def _virtual(domains: str, transport: str) -> dict[str, str]:
    return {
        "mydestination": "",
        "local_recipient_maps": "",
        "local_transport": "error:5.1.1 no local delivery here",
        "alias_maps": "",
        "alias_database": "",
        "virtual_alias_domains": "",
        "virtual_mailbox_domains": domains,
        # Empty on purpose: whether a recipient exists, Postfix asks Dovecot.
        "virtual_mailbox_maps": "",
        "virtual_transport": transport,
    }


def _local(domains: str, transport: str) -> dict[str, str]:
    return {
        "mydestination": domains,
        # Empty on purpose: otherwise an address that is no account of the container gets 550.
        "local_recipient_maps": "",
        "mailbox_transport": transport,
        # Made from /etc/postfix/aliases when the pod starts.
        "alias_maps": "lmdb:$data_directory/aliases",
        "alias_database": "",
        # local(8) knows more ways to deliver; none of them is left open.
        "allow_mail_to_commands": "",
        "allow_mail_to_files": "",
        "forward_path": "",
        # A limit of mailbox files, of which there are none; below message_size_limit, local(8) does not start.
        "mailbox_size_limit": "0",
        "virtual_alias_domains": "",
        "virtual_mailbox_domains": "",
    }


def _verification(topology: Topology) -> dict[str, str]:
    verification = topology.spec.verification
    # Only what Dovecot delivers is verified: everything else is refused before it is asked for.
    restrictions = ["reject_unauth_destination", *_own_senders(topology), *_quota(topology)]
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


def _own_senders(topology: Topology) -> list[str]:
    """Refuses at port 25 who claims to be a user. Users send with a login, on other ports."""
    return [f"check_sender_access regexp:{OWN_SENDERS}"] if topology.refuses_own_senders else []


def _quota(topology: Topology) -> list[str]:
    """Asks Dovecot whether the recipient's mailbox is full. LMTP alone would be too late: a recipient in the
    verify cache is accepted without asking Dovecot. Without an answer, the recipient is accepted."""
    service = topology.links.get(QUOTA_STATUS.name)
    if service is None:
        return []
    return [f"check_policy_service {{ {service.endpoint}, timeout=5s, try_limit=1, default_action=DUNNO }}"]


def _outgoing_tls(spec: Spec) -> dict[str, str]:
    """STARTTLS with servers that offer it, which takes no certificate of our own."""
    # The level would outdo this older parameter, which a spec without TLS may have.
    enforced = spec.tls is None and "smtp_enforce_tls" in spec.postfix.parameters
    return {**({} if enforced else {"smtp_tls_security_level": "may"}), "smtp_tls_loglevel": "1"}


def _tls() -> dict[str, str]:
    """STARTTLS for servers that take it; which versions of TLS, Postfix and OpenSSL know best."""
    return {"smtpd_tls_chain_files": TLS_FILE, "smtpd_tls_security_level": "may", "smtpd_tls_loglevel": "1"}


def _login(topology: Topology) -> dict[str, str]:
    """How the submission services of master.cf know their users; port 25 offers no AUTH."""
    return {
        "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": topology.links[AUTH.name].sasl_path,
        "smtpd_tls_auth_only": "yes",
        "smtpd_sender_login_maps": sender_login.maps(topology.aliases),
    }


def _verify_own(topology: Topology) -> str:
    """A mistyped colleague is refused at once; an address of another server is that server's to know."""
    restrictions = _quota(topology)
    if topology.spec.verification.enabled:
        domains = ", ".join(f"{domain}=reject_unverified_recipient" for domain in aliases.domains(topology.spec))
        restrictions.append(f"check_recipient_access inline:{{{domains}}}")
    return ", ".join(restrictions)


def _relay(submission: Submission) -> dict[str, str]:
    """Where mail for other domains goes: by MX, or to a relay host."""
    managed = {"relayhost": submission.relay_host or ""}
    if submission.relay_credentials:
        managed |= {
            # No password crosses the network in plain text, not even under another TLS policy.
            "smtp_tls_security_level": "encrypt",
            "smtp_sasl_auth_enable": "yes",
            "smtp_sasl_password_maps": f"texthash:{RELAY_FILE}",
            "smtp_sasl_security_options": "noanonymous, noplaintext",
            "smtp_sasl_tls_security_options": "noanonymous",
        }
    return managed
