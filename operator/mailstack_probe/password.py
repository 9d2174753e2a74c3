"""The password with which Dovecot asks another server, and the forms in which Dovecot's files hold it. Pure.

Sources: Dovecot's settings syntax (2.3 and 2.4), libpq's connection strings, MariaDB's option files, RFC 3986 (URLs).
"""

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

# Bytes; PostgreSQL's own limit is 1024, that of LDAP and MariaDB is no lower.
LONGEST = 1000
_CONTROL = re.compile("[\x00-\x1f\x7f]")


def problem(content: bytes) -> str | None:
    """Why the content of a Secret is no password; None if it is one. Nothing of it is in the message."""
    if not content:
        # A directory takes a bind without a password for an anonymous one.
        return "the password is empty"
    if content.rstrip(b"\r\n") != content:
        return (
            "the password ends with a newline, which would be part of it: "
            "write it without one, such as with `printf %s` or `kubectl create secret --from-literal`"
        )
    if len(content) > LONGEST:
        return f"the password is longer than {LONGEST} bytes"
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return "the password is not UTF-8"
    return "the password has a control character, such as a newline, within it" if _CONTROL.search(text) else None


def plain(password: str, _: str = "") -> str:
    """For `setting = <file` of Dovecot 2.4, which looks for its variables in the file too: %%{ begins none, and any
    other percent sign is itself, also a second one (measured with 2.4.1)."""
    return password.replace("%{", "%%{")


def pgsql(password: str, connect: str) -> str:
    """The setting `connect` of Dovecot 2.3 for PostgreSQL, to which `connect` has all but the password.

    Dovecot splits the value at spaces, and looks for host= in each part: every special character has a backslash,
    which libpq removes.
    """
    escaped = re.sub(r"([\x20-\x7e])", lambda one: one[1] if one[1].isalnum() else rf"\{one[1]}", password)
    value = _quoted(f"{connect} password='{escaped}'")
    return f"connect = {value}\n"


def mysql(password: str, authority: str) -> str:
    """An option file of MySQL and MariaDB, with the path of the CA's certificate.

    MariaDB's library forgets what Dovecot 2.3 set once a connection has failed: without these options the next one
    would be in clear, with whatever server answers. It reads this file for each.
    """
    return f"[client]\npassword={_quoted(password)}\nssl-ca={authority}\nssl-verify-server-cert=1\nssl-enforce=1\n"


def ldap(password: str, _: str = "") -> str:
    """The setting `dnpass` of Dovecot 2.3 for LDAP."""
    return f"dnpass = {_quoted(password)}\n"


def url(password: str, connect: str) -> str:
    """An URL to which `connect` has all but the password of its user. Dovecot 2.4 reads it as it is."""
    user, _, rest = connect.partition("@")
    return f"{user}:{quote(password, safe='')}@{rest}"


def setting(password: str, connect: str) -> str:
    """The setting `introspection_url` of Dovecot 2.3."""
    return f"introspection_url = {url(password, connect)}\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


FORMS: Mapping[str, Callable[[str, str], str]] = {
    "plain": plain,
    "pgsql": pgsql,
    "mysql": mysql,
    "ldap": ldap,
    "url": url,
    "setting": setting,
}
# What the password is, for messages.
TITLES: Mapping[str, str] = dict.fromkeys(("url", "setting"), "the client secret of oauth2")
