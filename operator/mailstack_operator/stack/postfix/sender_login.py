"""sender_login.regexp: which login may use which sender (smtpd_sender_login_maps). A user may send as themselves."""


def render() -> str:
    """A regexp_table(5) that answers each address with itself: the login that owns it."""
    return "/^(.+)$/ ${1}\n"
