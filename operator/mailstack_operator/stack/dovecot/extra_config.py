"""What `spec.dovecot.extraConfig` may hold.

Refused are the settings that the operator writes itself and those that would make Dovecot accept every recipient,
each with what to do instead. Dovecot itself checks the rest, before a running pod gets it.
Source of names and syntax: Dovecot's settings syntax, 2.3 and 2.4.
"""

import re
from collections.abc import Callable
from typing import Final

from mailstack_operator.api import cel
from mailstack_operator.stack.dovecot import namespaces
from mailstack_operator.stack.rule import Rule
from mailstack_operator.stack.users.source import Spec

_USERS = "set spec.users; with another source of users, address verification could accept every recipient"
_ADDRESS = "if Dovecot looked up another name, address verification could accept every recipient"
_CACHE = "a cache would delay changes of users, which Dovecot now reads at every lookup"
_LMTP = "set spec.delivery.listener for where it listens, and spec.dovecot.connections for how many it serves"
_AUTH = (
    "it takes as much memory as a password needs (vsz_limit), up to spec.dovecot.resources.limits.memory, and listens "
    "where spec.delivery.listener and spec.submission say"
)
_PLUGINS = "set spec.plugins"
_TLS = "set spec.tls"
_LAYOUT = "the pod's layout depends on it"
_INCLUDE = "write the settings themselves, because the pod has no other file"
_PROXY = "mail must be stored here, because with a proxy, address verification could accept every recipient"

# `*` stands for the rest of a name.
REFUSED: Final = {
    **dict.fromkeys(("passdb", "passdb_*", "userdb", "userdb_*"), _USERS),
    **dict.fromkeys(("auth_username_format", "auth_username_translation"), _ADDRESS),
    **dict.fromkeys(("auth_cache_*",), _CACHE),
    "service lmtp": _LMTP,
    "service auth": _AUTH,
    **dict.fromkeys(
        (
            *("protocols", "lmtp_rcpt_check_quota", "service quota-status"),
            *("quota", "quota_grace", "quota_rule*", "quota_status_*", "quota_storage_*", "quota_vsizes"),
            *("sieve", "sieve_after*", "sieve_before*", "sieve_dir", "sieve_script*"),
        ),
        _PLUGINS,
    ),
    **dict.fromkeys(
        (
            *("ssl", "ssl_cert", "ssl_key", "ssl_server_cert_file", "ssl_server_key_file"),
            *("auth_allow_cleartext", "disable_plaintext_auth"),
        ),
        _TLS,
    ),
    **dict.fromkeys(
        (
            *("base_dir", "default_internal_group", "default_internal_user", "default_login_user"),
            *("dovecot_config_version", "dovecot_storage_version", "first_valid_*", "last_valid_*", "listen"),
            *("location", "log_path", "mail_control_path", "mail_driver", "mail_gid", "mail_home", "mail_inbox_path"),
            *("mail_location", "mail_path", "mail_uid", "postmaster_address", "state_dir"),
        ),
        _LAYOUT,
    ),
    **dict.fromkeys(("!include", "!include_try"), _INCLUDE),
    **dict.fromkeys(("lmtp_proxy",), _PROXY),
}

# Other ways to write the same name, which the patterns of names do not match. For RE2 and for Python's re, as below.
_UNUSUAL: Final = {
    r"\\[ \t]*(\n|$)": "a setting continues on the next line: write it on one line",
    r"(^|\n)[ \t]*([^ \t\n={#]*[\"'\\]|service[ \t]+[\"'])": "a name is quoted: remove the quotes",
}


def _names(names: list[str]) -> str:
    """A pattern of a line that begins with one of the names, which may end a path such as protocol/lmtp/ssl."""
    words = "|".join(map(_name, names))
    return rf"(^|[\n{{;])[ \t]*([^ \t\n={{#]*/)?({words})([ \t\n{{=/]|$)"


def _name(name: str) -> str:
    return name.replace(" ", r"[ \t/]+").replace("*", "[a-z0-9_]*")


def _line(config: str, end: int) -> int:
    """The number of the line that a match belongs to, by where the match ends."""
    return config.count("\n", 0, end - 1) + 1


def _usual(pattern: str, hint: str) -> Rule:
    def problem(spec: Spec) -> str | None:
        config = spec.dovecot.extra_config
        found = re.search(pattern, config)
        return f"line {_line(config, found.end())}: {hint}" if found else None

    return _rule(pattern, hint, problem)


def _refusal(instead: str) -> Rule:
    """No setting that is refused with the words `instead`."""
    names = [name for name, words in REFUSED.items() if words == instead]
    pattern = _names(names)

    def problem(spec: Spec) -> str | None:
        config = spec.dovecot.extra_config
        found = re.search(pattern, config)
        return f"line {_line(config, found.end(3))}: {found[3]} cannot be set here: {instead}" if found else None

    return _rule(pattern, f"{', '.join(names)} cannot be set here: {instead}", problem)


def _rule(pattern: str, message: str, problem: Callable[[Spec], str | None]) -> Rule:
    return Rule("spec.dovecot.extraConfig", cel.Rule(f"!self.matches({cel.text(pattern)})", message), problem)


def _namespace(spec: Spec) -> str | None:
    config = spec.dovecot.extra_config
    # With another layout the separator by default is another.
    return None if "layout" in config.lower() else namespaces.problem(config)


RULES: Final = (
    Rule("spec.dovecot.extraConfig", None, _namespace),
    *(_usual(pattern, hint) for pattern, hint in _UNUSUAL.items()),
    *map(_refusal, dict.fromkeys(REFUSED.values())),
)
