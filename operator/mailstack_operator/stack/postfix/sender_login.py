"""sender_login.regexp: which login may use which sender (smtpd_sender_login_maps).

A user may send as themselves, and with an address extension, because Dovecot delivers it to them as well.
Sources: regexp_table(5); RFC 5321, 4.1.2 (Dot-string); Postfix splits the owners of an address at blanks and commas.
"""

# The characters of a Dot-string without the extension's `+`. An address with any other character, such as a blank or
# a comma in quotes, belongs to nobody: its parts would be read as owners.
_LOCAL = r"[A-Za-z0-9.!#$%&'*/=?^_`{|}~-]+"
_EXTENSION = r"\+[A-Za-z0-9.!#$%&'*/=?^_`{|}~+-]*"
_DOMAIN = r"[A-Za-z0-9.-]+"


def render() -> str:
    """A table that answers an address with the logins that own it: without the extension, or of this very name."""
    plain = f":^({_LOCAL})@({_DOMAIN})$: ${{1}}@${{2}}"
    extended = f":^({_LOCAL})({_EXTENSION})@({_DOMAIN})$: ${{1}}@${{3}} ${{1}}${{2}}@${{3}}"
    return f"{plain}\n{extended}\n"
