"""master.cf: Postfix's services, that for the probe, and those for users who send."""

from mailstack_operator.stack import syntax
from mailstack_operator.stack.link import Outgoing
from mailstack_operator.stack.networks import postfix_patterns
from mailstack_operator.stack.paths import DOVECOT_CLIENTS, LMTP_CA_FILE, OWN_SENDERS
from mailstack_operator.stack.ports import SUBMISSION_PORT, SUBMISSIONS_PORT, Port, proxied
from mailstack_operator.stack.postfix import milters, services
from mailstack_operator.stack.topology import Topology
from mailstack_probe.contract import SMTP_PORT, VERIFICATION_PORT

# Messages, and recipients, a minute.
OUTGOING_RATE = 300

# For the probe and the rehearsal: what Postfix says about a recipient, whatever its filters and rate limits do. The
# restrictions stay those of port 25, so that a faulty one is found. No way in: only this pod can connect, and neither
# DATA nor BDAT is accepted.
_PROBE = f"""\
127.0.0.1:{VERIFICATION_PORT} inet   n  -  n  -      -  smtpd
  -o syslog_name=postfix/probe
  -o smtpd_milters=
  -o smtpd_milter_maps=
  -o smtpd_client_event_limit_exceptions=127.0.0.1
  -o smtpd_data_restrictions=reject
  -o smtpd_etrn_restrictions=
  -o notify_classes=
"""

# Mail programs: nobody sends without a login, nobody logs in without TLS, and each login sends as itself.
# The last line keeps example.org in mua_recipient_restrictions from meaning sub.example.org, too.
_SUBMISSION = """\
  -o syslog_name=postfix/$service_name
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=
  -o smtpd_helo_restrictions=
  -o smtpd_sender_restrictions=reject_sender_login_mismatch
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o smtpd_recipient_restrictions=$mua_recipient_restrictions
  -o parent_domain_matches_subdomains=
"""
# A mail program shows an error where a server would send again: Postfix's own limit.
_RECIPIENTS = "  -o smtpd_recipient_limit=1000\n"
_SUBMISSION_SERVICES = """\
submission inet        n  -  n  -      -  smtpd
  -o smtpd_tls_security_level=encrypt
{options}\
submissions inet       n  -  n  -      -  smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_tls_wrappermode=yes
{options}"""


# For a load balancer that speaks the PROXY protocol. Postfix believes every header, also one that says 127.0.0.1: no
# address has privileges here, and a NetworkPolicy says who may connect. The load balancer's own connections, such as
# health checks, are not those of a client, and are not limited. Logs and restrictions are those of the plain port.
_PROXIED = """\
{port:<10} inet        n  -  n  -      -  smtpd
  -o smtpd_upstream_proxy_protocol=haproxy
  -o smtpd_upstream_proxy_timeout=5s
  -o mynetworks=
  -o local_header_rewrite_clients=
  -o smtpd_client_event_limit_exceptions={trusted}
{options}"""
_PROXIED_OPTIONS = {
    SMTP_PORT: "",
    SUBMISSION_PORT: "  -o smtpd_tls_security_level=encrypt\n",
    SUBMISSIONS_PORT: "  -o smtpd_tls_security_level=encrypt\n  -o smtpd_tls_wrappermode=yes\n",
}


# What Dovecot sends for its users' scripts may go to anybody, at a rate that a script in a loop cannot exceed; Dovecot
# gets a temporary refusal, and so does Postfix, which retries the delivery that the script is for.
_OUTGOING = f"""\
{{listener:<18}} inet   n  -  n  -      -  smtpd
  -o syslog_name=postfix/dovecot
{{names}}{{filters}}  -o smtpd_client_restrictions=
  -o smtpd_helo_restrictions=
  -o smtpd_sender_restrictions=
  -o smtpd_relay_restrictions={{allowed}}
  -o smtpd_recipient_restrictions=$mua_recipient_restrictions{{others}}
  -o parent_domain_matches_subdomains=
  -o smtpd_client_event_limit_exceptions=
  -o smtpd_client_connection_rate_limit=0
  -o smtpd_client_message_rate_limit={OUTGOING_RATE}
  -o smtpd_client_recipient_rate_limit={OUTGOING_RATE}
"""

# Keeps lmtp(8)'s connections with TLS open between messages (lmtp_tls_connection_reuse). What it checks, and whether
# mail may go there, lmtp(8) says; these are the same values, which it would warn about otherwise. It serves nobody: no
# certificate, and nothing of smtpd's. Over its default of 100 connections it would begin anew, with that warning.
_TLSPROXY = f"""\
tlsproxy   unix        -  -  n  -      0  tlsproxy
  -o tlsproxy_client_security_level=secure
  -o tlsproxy_client_CAfile={LMTP_CA_FILE}
  -o tlsproxy_client_loglevel=1
  -o tlsproxy_client_loglevel_parameter=lmtp_tls_loglevel
  -o tlsproxy_tls_security_level=may
  -o tlsproxy_tls_chain_files=
  -o tlsproxy_tls_cert_file=none
  -o max_use=1000
"""


def render(topology: Topology) -> str:
    """The whole of master.cf."""
    tlsproxy = _TLSPROXY if topology.lmtp.tls else ""
    submission = _submission(topology) if topology.spec.submission else ""
    outgoing = _outgoing(topology, topology.outgoing) if topology.outgoing else ""
    proxied = "".join(_proxied(topology, port) for port in topology.postfix_ports if topology.trusted_networks(port))
    return syntax.HEADER + services.SERVICES + tlsproxy + _PROBE + submission + proxied + outgoing


def _proxied(topology: Topology, port: Port) -> str:
    """The service beside that of the port. `$service_name` would be its number."""
    own = "" if port.service == SMTP_PORT else _submission_options(topology).replace("$service_name", port.name)
    options = _PROXIED_OPTIONS[port.service] + own
    trusted = ",".join(postfix_patterns(topology.trusted_networks(port)))
    return _PROXIED.format(port=proxied(port).container, trusted=trusted, options=options)


def _submission(topology: Topology) -> str:
    return _SUBMISSION_SERVICES.format(options=_submission_options(topology))


def _submission_options(topology: Topology) -> str:
    has_limit = "smtpd_recipient_limit" in topology.spec.postfix.parameters
    return _SUBMISSION + ("" if has_limit else _RECIPIENTS)


def _outgoing(topology: Topology, found: Outgoing) -> str:
    filters = milters.of_dovecot(topology.spec)
    if not found.clients:
        allowed = "permit_mynetworks,reject"
        return _OUTGOING.format(listener=found.listener, names="", filters=filters, allowed=allowed, others="")
    # To another client, and to Dovecot while the cluster's DNS does not know it, this is port 25.
    dovecot = f"check_client_access,regexp:{DOVECOT_CLIENTS}"
    others = f",{dovecot},check_sender_access,regexp:{OWN_SENDERS}" if topology.refuses_own_senders else ""
    allowed = f"{dovecot},reject_unauth_destination"
    # The table is of names.
    names = "  -o smtpd_peername_lookup=yes\n"
    return _OUTGOING.format(listener=found.listener, names=names, filters=filters, allowed=allowed, others=others)
