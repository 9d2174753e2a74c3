"""What `spec.dovecot.extraConfig` may hold.

Refused are the settings that the operator writes itself and those that would make Dovecot accept everybody,
each with what to do instead. Whether the rest is right, Dovecot itself says, before a running pod gets it.
Source of names and grammar: Dovecot's settings syntax, 2.3 and 2.4.
"""

import re
from typing import Final

from pydantic.config import JsonDict

from mailstack_operator.api import cel

_USERS = "set spec.users; with another source of users, address verification could accept every recipient"
_ADDRESS = "it would change whom Dovecot is asked for, and address verification could accept every recipient"
_CACHE = "the users file is read anew each time, so that a change is in use at once; a cache would delay it"
_LISTENER = "set spec.delivery.listener"
_PLUGINS = "set spec.plugins"
_TLS = "set spec.tls"
_LAYOUT = "it is part of the pod's layout"
_INCLUDE = "write the settings themselves; the pod holds no other file"
_PROXY = "mail must be stored here; over a proxy, address verification could accept every recipient"

# `*` stands for the rest of a name.
REFUSED: Final = {
    **dict.fromkeys(("passdb", "passdb_*", "userdb", "userdb_*"), _USERS),
    **dict.fromkeys(("auth_username_format", "auth_username_translation"), _ADDRESS),
    **dict.fromkeys(("auth_cache_*",), _CACHE),
    **dict.fromkeys(("service lmtp", "service auth"), _LISTENER),
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

MAX_LENGTH: Final = 16384
# Printable ASCII, tabs and line ends.
TEXT_PATTERN: Final = r"[ -~\t\n]*"
_HINT: Final = "write lines of printable ASCII"

# Other ways to write the same name, for which a look at the names would be blind. RE2 and Python's re alike, as below.
_UNUSUAL: Final = {
    r"\\[ \t]*(\n|$)": "a setting that goes on in the next line: write it in one",
    r"(^|\n)[ \t]*([^ \t\n={#]*[\"'\\]|service[ \t]+[\"'])": "a name in quotes: write it without",
}


def _names(names: list[str]) -> str:
    """A pattern of a line that begins with one of the names, which may end a path such as protocol/lmtp/ssl."""
    words = "|".join(map(_name, names))
    return rf"(^|[\n{{;])[ \t]*([^ \t\n={{#]*/)?({words})([ \t\n{{=/]|$)"


def _name(name: str) -> str:
    return name.replace(" ", r"[ \t/]+").replace("*", "[a-z0-9_]*")


def problem(config: str) -> str | None:
    """Why `config` may not stand in dovecot.conf, as a sentence that says what to do; None if it may."""
    if len(config) > MAX_LENGTH or not re.fullmatch(TEXT_PATTERN, config):
        return f"at most {MAX_LENGTH} characters: {_HINT}"
    for pattern, hint in _UNUSUAL.items():
        if found := re.search(pattern, config):
            return f"line {_line(config, found.end())}: {hint}"
    for instead in dict.fromkeys(REFUSED.values()):
        if found := re.search(_names(_with(instead)), config):
            return f"line {_line(config, found.end(3))}: {found[3]} cannot be set here: {instead}"
    return None


def _line(config: str, end: int) -> int:
    """The number of the line that a match belongs to, by where the match ends."""
    return config.count("\n", 0, end - 1) + 1


def _with(instead: str) -> list[str]:
    return [name for name, words in REFUSED.items() if words == instead]


def schema() -> JsonDict:
    """The same as rules of the API server."""
    one_text = cel.Rule(f"self.matches({cel.text(f'^{TEXT_PATTERN}$')})", _HINT)
    usual = [cel.Rule(f"!self.matches({cel.text(pattern)})", hint) for pattern, hint in _UNUSUAL.items()]
    refusals = [_refusal(instead) for instead in dict.fromkeys(REFUSED.values())]
    return {"maxLength": MAX_LENGTH, **cel.rules(one_text, *usual, *refusals)}


def _refusal(instead: str) -> cel.Rule:
    names = _with(instead)
    return cel.Rule(f"!self.matches({cel.text(_names(names))})", f"{', '.join(names)} cannot be set here: {instead}")
