"""sender_login.regexp: which login may use which sender address (smtpd_sender_login_maps). A user may send as their own address."""


def render() -> str:
    """A regexp_table(5) that answers each address with itself: the login that owns it."""
    return "/^(.+)$/ ${1}\n"
