"""Which names `spec.postfix.parameters` may set, and what its values may hold.

Refused, each with what to do instead, are names that the operator itself sets; names that could bypass LMTP or make
verification accept every recipient; names that open the relay or the login; and names that the pod's layout depends
on. Source of names and syntax: postconf(5).
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from mailstack_operator.api import cel
from mailstack_operator.stack.rule import Rule
from mailstack_operator.stack.users.source import Spec

_RECIPIENTS = "set spec.delivery.recipients"
_LISTENER = "set spec.delivery.listener"
_VERIFICATION = "set spec.verification"
_DOMAINS = "set spec.domains"
_HOSTNAME = "set spec.hostname"
_TLS = "set spec.tls"
_LMTP_TLS = "set spec.delivery.listener.inet.tls"
_SUBMISSION = "set spec.submission"
_RELAY_HOST = "set spec.submission.relayHost"
_CREDENTIALS = "set spec.submission.relayCredentials"
_FIXED = "the operator sets it to a fixed value"
_LAYOUT = "the pod's layout depends on it"
_RELAY = "it controls relaying, and the operator relays for logged-in users only"
_LOGIN = "it would allow sending without a login over TLS: set spec.submission"
_BYPASS = "it would bypass LMTP, and address verification works over LMTP only: Postfix would accept every recipient"
_WRONG_VERDICT = "it would change the result of address verification: set spec.verification"

# What the operator writes into main.cf (tests compare it with the rendered file).
MANAGED: Final = {
    "address_verify_map": _FIXED,
    "address_verify_negative_cache": _VERIFICATION,
    "address_verify_negative_expire_time": f"{_VERIFICATION}.negative.expire",
    "address_verify_negative_refresh_time": f"{_VERIFICATION}.negative.refresh",
    "address_verify_poll_delay": f"{_VERIFICATION}.pollDelay",
    "address_verify_positive_expire_time": f"{_VERIFICATION}.positive.expire",
    "address_verify_positive_refresh_time": f"{_VERIFICATION}.positive.refresh",
    "alias_database": _FIXED,
    "alias_maps": "set spec.delivery.local.aliases",
    "allow_mail_to_commands": _BYPASS,
    "allow_mail_to_files": _BYPASS,
    "biff": _FIXED,
    "compatibility_level": _FIXED,
    "fast_flush_domains": _DOMAINS,
    "forward_path": _BYPASS,
    "inet_interfaces": _FIXED,
    "inet_protocols": _FIXED,
    "lmtp_delivery_status_filter": _WRONG_VERDICT,
    "lmtp_host_lookup": _FIXED,
    "lmtp_tls_CAfile": _LMTP_TLS,
    "lmtp_tls_loglevel": _FIXED,
    "lmtp_tls_secure_cert_match": _LMTP_TLS,
    "lmtp_tls_security_level": _LMTP_TLS,
    "local_recipient_maps": _RECIPIENTS,
    "local_transport": _RECIPIENTS,
    "mailbox_size_limit": "set spec.plugins.quota",
    "mailbox_transport": _RECIPIENTS,
    "maillog_file": _FIXED,
    "mua_recipient_restrictions": _SUBMISSION,
    "mydestination": _DOMAINS,
    "myhostname": _HOSTNAME,
    "mynetworks": _RELAY,
    "myorigin": _DOMAINS,
    "relay_domains": _RELAY,
    "relayhost": _RELAY_HOST,
    "smtp_sasl_auth_enable": _CREDENTIALS,
    "smtp_sasl_password_maps": _CREDENTIALS,
    "smtp_sasl_security_options": _CREDENTIALS,
    "smtp_sasl_tls_security_options": _CREDENTIALS,
    "smtp_tls_loglevel": _FIXED,
    "smtp_tls_security_level": f"{_FIXED}; set smtp_tls_policy_maps for a stricter level to one destination",
    "smtpd_recipient_restrictions": f"{_VERIFICATION}.enabled",
    "smtpd_relay_restrictions": _RELAY,
    "smtpd_sasl_path": _SUBMISSION,
    "smtpd_sasl_type": _SUBMISSION,
    "smtpd_sender_login_maps": _SUBMISSION,
    "smtpd_tls_auth_only": _LOGIN,
    "smtpd_tls_chain_files": _TLS,
    "smtpd_tls_loglevel": _FIXED,
    "smtpd_tls_security_level": _TLS,
    "smtputf8_enable": _FIXED,
    "unverified_recipient_reject_code": f"{_VERIFICATION}.rejectCode",
    "virtual_alias_domains": _DOMAINS,
    "virtual_mailbox_domains": _DOMAINS,
    "virtual_mailbox_maps": _VERIFICATION,
    "virtual_transport": _RECIPIENTS,
}

_ELSEWHERE: Final = {
    **dict.fromkeys(
        (
            "best_mx_transport",
            "content_filter",
            "default_transport",
            "fallback_transport",
            "fallback_transport_maps",
            "home_mailbox",
            "lmtp_fallback_relay",
            "luser_relay",
            "mail_spool_directory",
            "mailbox_command",
            "mailbox_command_maps",
            "mailbox_transport_maps",
            "relay_transport",
            "smtpd_proxy_filter",
            "sender_dependent_default_transport_maps",
            "transport_maps",
        ),
        _BYPASS,
    ),
    **dict.fromkeys(
        (
            "address_verify_default_transport",
            "address_verify_local_transport",
            "address_verify_relay_transport",
            "address_verify_sender_dependent_default_transport_maps",
            "address_verify_service_name",
            "address_verify_transport_maps",
            "address_verify_virtual_transport",
            "default_delivery_status_filter",
            "lmtp_generic_maps",
            "lmtp_reply_filter",
            "local_delivery_status_filter",
            "soft_bounce",
            "unverified_recipient_defer_code",
            "unverified_recipient_reject_reason",
            "unverified_recipient_tempfail_action",
        ),
        _WRONG_VERDICT,
    ),
    **dict.fromkeys(("allow_untrusted_routing", "smtpd_relay_before_recipient_restrictions"), _RELAY),
    **dict.fromkeys(
        (
            "smtpd_authorized_xclient_hosts",
            "smtpd_sasl_auth_enable",
            "smtpd_sasl_mechanism_filter",
            "smtpd_sasl_security_options",
            "smtpd_sasl_tls_security_options",
        ),
        _LOGIN,
    ),
    **dict.fromkeys(
        (
            "smtpd_enforce_tls",
            "smtpd_tls_cert_file",
            "smtpd_tls_eccert_file",
            "smtpd_tls_eckey_file",
            "smtpd_tls_key_file",
            "smtpd_tls_wrappermode",
            "smtpd_use_tls",
        ),
        _TLS,
    ),
    **dict.fromkeys(
        (
            "lmtp_enforce_tls",
            "lmtp_tls_CApath",
            "lmtp_tls_enforce_peername",
            "lmtp_tls_per_site",
            "lmtp_tls_policy_maps",
            "lmtp_tls_trust_anchor_file",
            "lmtp_tls_verify_cert_match",
            "lmtp_tls_wrappermode",
            "lmtp_use_tls",
        ),
        _LMTP_TLS,
    ),
    **dict.fromkeys(
        (
            "alternate_config_directories",
            "bounce_service_name",
            "cleanup_service_name",
            "command_directory",
            "config_directory",
            "daemon_directory",
            "data_directory",
            "defer_service_name",
            "error_service_name",
            "flush_service_name",
            "import_environment",
            "mail_owner",
            "maillog_file_prefixes",
            "master_service_disable",
            "meta_directory",
            "multi_instance_directories",
            "multi_instance_enable",
            "multi_instance_group",
            "multi_instance_name",
            "multi_instance_wrapper",
            "pickup_service_name",
            "postlog_service_name",
            "process_id_directory",
            "proxymap_service_name",
            "proxywrite_service_name",
            "queue_directory",
            "queue_service_name",
            "rewrite_service_name",
            "setgid_group",
            "shlib_directory",
            "showq_service_name",
            "tlsmgr_service_name",
            "trace_service_name",
        ),
        _LAYOUT,
    ),
}

REFUSED: Final = {**MANAGED, **_ELSEWHERE}

NAME_PATTERN: Final = r"[a-z0-9][A-Za-z0-9_]*"
_MAX_NAME: Final = 128

# FILTER in an access or header table, or a transport that is not LMTP, named in a value; not the host and port of a
# service, such as inet:filter.post.svc.cluster.local:11332.
_ROUTING_VALUE: Final = re.compile(
    r"\bFILTER\s+\S+:|(?<![\w.-])(?<!inet:)(?:pipe|virtual|local|discard):", re.IGNORECASE
)
# Tables that change recipients before they are verified. One that answers for every address, by a pattern, for a whole
# domain or from elsewhere, would make every address exist.
_RECIPIENT_TABLES: Final = ("canonical_maps", "recipient_canonical_maps", "virtual_alias_maps")
_ADDRESS_TABLE: Final = re.compile(r"(?:inline:\{[^:$]*\})?")
_WHOLE_DOMAIN: Final = re.compile(r"(?:^|[\s,{])@")
_EVERY_ADDRESS = (
    "the table would make every address exist, so that verification rejects none: list single addresses, such as "
    "inline:{info@example.org=alice@example.org}"
)
_MACRO: Final = re.compile(r"\$(?:(\$)|\{|\(|([A-Za-z0-9_]+))?")


def _bad_name(name: str, _: str) -> str | None:
    if re.fullmatch(NAME_PATTERN, name) and len(name) <= _MAX_NAME:
        return None
    return f"{name[:80]!r} is not a parameter name: use one from postconf(5), such as message_size_limit"


def _refused(instead: str, name: str, _: str) -> str | None:
    return f"{name} cannot be set here: {instead}" if REFUSED.get(name) == instead else None


def _bad_value(name: str, value: str) -> str | None:
    """What the API server cannot say of a value."""
    if _ROUTING_VALUE.search(value):
        return f"{name}: the value names another delivery method: {_BYPASS}"
    if name in _RECIPIENT_TABLES and (not _ADDRESS_TABLE.fullmatch(value) or _WHOLE_DOMAIN.search(value)):
        return f"{name}: {_EVERY_ADDRESS}"
    return _macro_problem(name, value)


def _macro_problem(name: str, value: str) -> str | None:
    """Postfix refuses to start on an open macro or on a parameter that names itself."""
    for macro in _MACRO.finditer(value):
        if not macro[0][1:]:
            return f"{name}: '$' without a name: write $name or ${{name}}, or $$ for a dollar sign"
        if macro[2] == name or re.match(rf"[({{]\s*{re.escape(name)}\b", value[macro.end() - 1 :]):
            return f"{name}: the value refers to itself"
    if not _balanced(value):
        return f"{name}: unbalanced braces or parentheses"
    return None


def _balanced(value: str) -> bool:
    """Whether every `{` and every `$(` is closed, in order."""
    open_until: list[str] = []
    for index, char in enumerate(value):
        if char == "{" or (char == "(" and value[:index].endswith("$")):
            open_until.append("}" if char == "{" else ")")
        elif open_until and char == open_until[-1]:
            open_until.pop()
        elif char == "}":
            return False
    return not open_until


def _rule(of_server: cel.Rule | None, problem: Callable[[str, str], str | None]) -> Rule:
    """A rule for each parameter by itself: `problem` gets its name and value."""

    def first(spec: Spec) -> str | None:
        found = (problem(name, value) for name, value in sorted(spec.postfix.parameters.items()))
        return next(filter(None, found), None)

    return Rule("spec.postfix.parameters", of_server, first)


def _refusal(instead: str) -> Rule:
    """No parameter that is refused with the words `instead`."""
    return _rule(_refusal_cel(instead), partial(_refused, instead))


def _refusal_cel(instead: str) -> cel.Rule:
    names = [name for name, words in REFUSED.items() if words == instead]
    if len(names) == 1:
        return cel.Rule(f"!({cel.text(names[0])} in self)", f"{names[0]} cannot be set here: {instead}")
    # One string is a third shorter than a list of strings, and is in the CRD twice.
    refused = f"{cel.text(' '.join(names))}.split(' ')"
    return cel.Rule(
        f"!{refused}.exists(name, name in self)",
        f"a parameter cannot be set here: {instead}",
        f"{refused}.filter(name, name in self)[0] + {cel.text(f' cannot be set here: {instead}')}",
    )


_WELL_NAMED: Final = cel.Rule(
    f"self.all(name, size(name) <= {_MAX_NAME} && name.matches('^{NAME_PATTERN}$'))",
    "names must be parameters of postconf(5), such as message_size_limit",
)

RULES: Final = (
    _rule(_WELL_NAMED, _bad_name),
    *map(_refusal, dict.fromkeys(REFUSED.values())),
    _rule(None, _bad_value),
)
