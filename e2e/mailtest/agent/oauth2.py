"""What a client says to log in with a token: RFC 7628 (OAUTHBEARER), and Google's XOAUTH2."""

from mailtest.wire import Endpoint

MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
# What a client answers to the challenge that says why it is refused.
UNDERSTOOD = "\x01"


def response(endpoint: Endpoint) -> str:
    """The initial response for the endpoint's user, whose password is a token."""
    bearer = f"auth=Bearer {endpoint.password}\x01\x01"
    if endpoint.mechanism == "OAUTHBEARER":
        return f"n,a={endpoint.user},\x01{bearer}"
    return f"user={endpoint.user}\x01{bearer}"
