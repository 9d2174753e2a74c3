"""The ports of the servers."""

from dataclasses import dataclass

from mailstack_probe.contract import SMTP_PORT, VERIFICATION_PORT

SUBMISSION_PORT = 587
SUBMISSIONS_PORT = 465
# For the mail that Dovecot sends.
OUTGOING_PORT = 10026
# The ports on which Postfix listens, the probe's own among them.
POSTFIX_PORTS = (SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT, VERIFICATION_PORT, OUTGOING_PORT)

IMAP_PORT = 143
IMAPS_PORT = 993
SIEVE_PORT = 4190
# The ports of Dovecot that mail programs use.
MAIL_PORTS = (IMAP_PORT, IMAPS_PORT, SIEVE_PORT)


@dataclass(frozen=True)
class Port:
    """A port of a pod: its name, its number at the Service, and where the container listens."""

    name: str
    service: int
    container: int


# Where smtpd takes the PROXY protocol on behalf of port 25.
PROXY_SMTP_PORT = 2525
# And those of Dovecot's listeners, with root and without: LMTP can be none of them.
PROXY_MAIL_PORTS = (10143, 10993, 14190, 20143, 20993)


def proxied(port: Port) -> Port:
    """The port beside it on which a load balancer speaks the PROXY protocol. A name has at most 15 characters."""
    number = PROXY_SMTP_PORT if port.service == SMTP_PORT else port.service + 10_000
    # Without root, Dovecot's own listeners are there.
    return Port(f"{port.name}-px", port.service, number + 10_000 if number == port.container else number)


def dovecot_port(name: str, number: int, *, rootless: bool) -> Port:
    """A port of Dovecot; without root it listens above 1024."""
    return Port(name, number, number + 10_000 if rootless and number < 1024 else number)
