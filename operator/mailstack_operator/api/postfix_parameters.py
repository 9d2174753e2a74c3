"""Which names `spec.postfix.parameters` may set, and what its values may hold.

Three kinds of names are refused, each with what to do instead: those that the operator itself sets,
those that could lead mail past LMTP, and those that would move Postfix out of the pod's layout.
Source of names and grammar: postconf(5).
"""

import re
from typing import Final

from pydantic.config import JsonDict

from mailstack_operator.api import cel

_RECIPIENTS = "set spec.delivery.recipients"
_LISTENER = "set spec.delivery.listener"
_VERIFICATION = "set spec.verification"
_DOMAINS = "set spec.domains"
_HOSTNAME = "set spec.hostname"
_FIXED = "the operator sets it, and it cannot be changed"
_LAYOUT = "it is part of the pod's layout"
_RELAY = "it decides who may relay; the operator refuses everything but spec.domains"
_ROUND = (
    "it would deliver mail without LMTP, and address verification does not work there: "
    "Postfix would accept every recipient"
)
_WRONG_VERDICT = "it would change what address verification answers; set spec.verification"

# What main.cf holds by the operator's own hand (tests compare it with the rendered file).
MANAGED: Final = {
    "address_verify_map": _FIXED,
    "address_verify_negative_cache": _VERIFICATION,
    "address_verify_negative_expire_time": f"{_VERIFICATION}.negative.expire",
    "address_verify_negative_refresh_time": f"{_VERIFICATION}.negative.refresh",
    "address_verify_poll_delay": f"{_VERIFICATION}.pollDelay",
    "address_verify_positive_expire_time": f"{_VERIFICATION}.positive.expire",
    "address_verify_positive_refresh_time": f"{_VERIFICATION}.positive.refresh",
    "alias_database": _FIXED,
    "alias_maps": _FIXED,
    "biff": _FIXED,
    "compatibility_level": _FIXED,
    "inet_interfaces": _FIXED,
    "inet_protocols": _FIXED,
    "local_recipient_maps": _RECIPIENTS,
    "local_transport": _RECIPIENTS,
    "maillog_file": _FIXED,
    "maximal_backoff_time": _FIXED,
    "minimal_backoff_time": _FIXED,
    "mydestination": _DOMAINS,
    "myhostname": _HOSTNAME,
    "mynetworks": _RELAY,
    "myorigin": _DOMAINS,
    "queue_run_delay": _FIXED,
    "relay_domains": _RELAY,
    "smtpd_recipient_restrictions": f"{_VERIFICATION}.enabled",
    "smtpd_relay_restrictions": _RELAY,
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
            "mailbox_transport",
            "mailbox_transport_maps",
            "relay_transport",
            "sender_dependent_default_transport_maps",
            "transport_maps",
        ),
        _ROUND,
    ),
    **dict.fromkeys(
        (
            "address_verify_default_transport",
            "address_verify_local_transport",
            "address_verify_relay_transport",
            "address_verify_transport_maps",
            "address_verify_virtual_transport",
            "default_delivery_status_filter",
            "lmtp_delivery_status_filter",
            "lmtp_reply_filter",
            "soft_bounce",
            "unverified_recipient_defer_code",
            "unverified_recipient_reject_reason",
            "unverified_recipient_tempfail_action",
        ),
        _WRONG_VERDICT,
    ),
    **dict.fromkeys(
        (
            "alternate_config_directories",
            "command_directory",
            "config_directory",
            "daemon_directory",
            "data_directory",
            "import_environment",
            "mail_owner",
            "master_service_disable",
            "meta_directory",
            "multi_instance_directories",
            "multi_instance_enable",
            "multi_instance_group",
            "multi_instance_name",
            "multi_instance_wrapper",
            "process_id_directory",
            "queue_directory",
            "setgid_group",
            "shlib_directory",
        ),
        _LAYOUT,
    ),
}

REFUSED: Final = {**MANAGED, **_ELSEWHERE}

NAME_PATTERN: Final = r"[a-z0-9][A-Za-z0-9_]*"
MAX_PARAMETERS: Final = 64
MAX_NAME: Final = 128
MAX_VALUE: Final = 4096
# Printable ASCII: a newline would begin another parameter.
VALUE_PATTERN: Final = "[ -~]*"

# FILTER in an access or header table, or a transport that is not LMTP, named in a value.
_ROUTING_VALUE: Final = re.compile(r"\bFILTER\b|\b(?:pipe|virtual|local|discard):", re.IGNORECASE)
_MACRO: Final = re.compile(r"\$(?:(\$)|\{|\(|([A-Za-z0-9_]+))?")


def problem(name: str, value: str) -> str | None:
    """Why `name = value` may not stand in main.cf, as a sentence that says what to do; None if it may."""
    if not re.fullmatch(NAME_PATTERN, name) or len(name) > MAX_NAME:
        return f"{name[:80]!r} is no parameter name: write one of postconf(5), such as message_size_limit"
    if name in REFUSED:
        return f"{name} cannot be set here: {REFUSED[name]}"
    if not re.fullmatch(VALUE_PATTERN, value) or len(value) > MAX_VALUE:
        return f"{name}: the value must be one line of at most {MAX_VALUE} printable ASCII characters"
    if _ROUTING_VALUE.search(value):
        return f"{name}: the value names another way of delivery: {_ROUND}"
    return _macro_problem(name, value)


def _macro_problem(name: str, value: str) -> str | None:
    """Postfix refuses to start on an open macro or on a parameter that names itself."""
    for macro in _MACRO.finditer(value):
        if not macro[0][1:]:
            return f"{name}: a lone '$': write $name or ${{name}}, or $$ for the character"
        if macro[2] == name or re.match(rf"[({{]\s*{name}\b", value[macro.end() - 1 :]):
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


def schema() -> JsonDict:
    """What of `problem` the API server can say by itself, as a fragment of the map's schema."""
    well_named = cel.Rule(
        f"self.all(name, size(name) <= {MAX_NAME} && name.matches('^{NAME_PATTERN}$'))",
        "write parameter names of postconf(5), such as message_size_limit",
    )
    one_line = cel.Rule(
        f"self.matches({cel.text(f'^{VALUE_PATTERN}$')})", "write a value of one line, in printable ASCII"
    )
    value: JsonDict = {"type": "string", "maxLength": MAX_VALUE, **cel.rules(one_line)}
    refusals = [_refusal(instead) for instead in dict.fromkeys(REFUSED.values())]
    return {"additionalProperties": value, **cel.rules(well_named, *refusals)}


def _refusal(instead: str) -> cel.Rule:
    """No name that is refused with the words `instead` stands in the map."""
    refused = cel.strings([name for name, words in REFUSED.items() if words == instead])
    return cel.Rule(
        f"!self.exists(name, name in {refused})",
        f"a parameter here cannot be set: {instead}",
        f"{refused}.filter(name, name in self)[0] + {cel.text(f' cannot be set here: {instead}')}",
    )
