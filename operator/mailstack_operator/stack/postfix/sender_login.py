"""sender_login.regexp: who may send as whom (smtpd_sender_login_maps). A user may send as their own address."""


def render() -> str:
    """A regexp_table(5) that answers each address with itself: the login that owns it."""
    return "/^(.+)$/ ${1}\n"
