"""Which login may use which sender (smtpd_sender_login_maps): an address belongs to those to whom its mail goes.

An alias belongs to its targets: sender_key.regexp takes off the extension, and the tables of alias_owners.py and
virtual.py say the rest. Any other address is a user's own, also with an extension, because Dovecot delivers it to them:
sender_login.regexp. The first table that answers counts.

Sources: regexp_table(5), DATABASE_README (pipemap); RFC 5321, 4.1.2 (Dot-string); Postfix splits the owners of an
address at blanks and commas.
"""

from mailstack_operator.stack.aliases import Aliases
from mailstack_operator.stack.paths import ALIAS_OWNERS, SENDER_KEY, SENDER_LOGIN, VIRTUAL

# The characters of a Dot-string without the extension's `+`. An address with any other character, such as a blank or
# a comma in quotes, belongs to nobody: its parts would be read as owners.
_LOCAL = r"[A-Za-z0-9.!#$%&'*/=?^_`{|}~-]+"
_EXTENSION = r"\+[A-Za-z0-9.!#$%&'*/=?^_`{|}~+-]*"
_DOMAIN = r"[A-Za-z0-9.-]+"


def maps(aliases: Aliases) -> str:
    """The tables, in their order."""
    tables = [ALIAS_OWNERS, VIRTUAL] if aliases else []
    of_aliases = [f"pipemap:{{regexp:{SENDER_KEY}, texthash:{table}}}" for table in tables]
    return " ".join([*of_aliases, f"regexp:{SENDER_LOGIN}"])


def render_key() -> str:
    """sender_key.regexp: an address without its extension; none for what belongs to nobody."""
    return f":^({_LOCAL})({_EXTENSION})?@({_DOMAIN})$: ${{1}}@${{3}}\n"


def render() -> str:
    """A table that answers an address with the logins that own it: without the extension, or of this very name."""
    plain = f":^({_LOCAL})@({_DOMAIN})$: ${{1}}@${{2}}"
    extended = f":^({_LOCAL})({_EXTENSION})@({_DOMAIN})$: ${{1}}@${{3}} ${{1}}${{2}}@${{3}}"
    return f"{plain}\n{extended}\n"
