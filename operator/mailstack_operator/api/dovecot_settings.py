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
_LISTENER = "set spec.delivery.listener"
_PLUGINS = "set spec.plugins"
_TLS = "set spec.tls"
_LAYOUT = "it is part of the pod's layout"
_INCLUDE = "write the settings themselves; the pod holds no other file"
_PROXY = "mail must be stored here; over a proxy, address verification could accept every recipient"

REFUSED: Final = {
    **dict.fromkeys(("passdb", "userdb"), _USERS),
    **dict.fromkeys(("service lmtp", "service auth"), _LISTENER),
    **dict.fromkeys(
        ("protocols", "quota_storage_size", "quota_rule", "lmtp_rcpt_check_quota", "sieve_script", "sieve", "quota"),
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
            *("dovecot_config_version", "dovecot_storage_version", "listen", "log_path", "mail_driver", "mail_gid"),
            *("mail_home", "mail_location", "mail_path", "mail_uid", "postmaster_address", "state_dir"),
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


def _names(names: list[str]) -> str:
    """A pattern of a line that begins with one of the names. RE2 and Python's re alike."""
    words = "|".join(re.escape(name).replace(r"\ ", "[ \t]+").replace(r"\!", "!") for name in names)
    return f"(^|[\n{{;])[ \t]*({words})([ \t\n{{=]|$)"


def problem(config: str) -> str | None:
    """Why `config` may not stand in dovecot.conf, as a sentence that says what to do; None if it may."""
    if len(config) > MAX_LENGTH or not re.fullmatch(TEXT_PATTERN, config):
        return f"at most {MAX_LENGTH} characters: {_HINT}"
    for instead in dict.fromkeys(REFUSED.values()):
        if found := re.search(_names(_with(instead)), config):
            line = config.count("\n", 0, found.start(2)) + 1
            return f"line {line}: {found[2]} cannot be set here: {instead}"
    return None


def _with(instead: str) -> list[str]:
    return [name for name, words in REFUSED.items() if words == instead]


def schema() -> JsonDict:
    """The same as rules of the API server."""
    one_text = cel.Rule(f"self.matches({cel.text(f'^{TEXT_PATTERN}$')})", _HINT)
    refusals = [_refusal(instead) for instead in dict.fromkeys(REFUSED.values())]
    return {"maxLength": MAX_LENGTH, **cel.rules(one_text, *refusals)}


def _refusal(instead: str) -> cel.Rule:
    names = _with(instead)
    return cel.Rule(f"!self.matches({cel.text(_names(names))})", f"{', '.join(names)} cannot be set here: {instead}")
