"""What dovecot.conf of 2.3 and of 2.4 have in common: the services and where they listen, identities, quota's unit."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from mailstack_operator.api.mailboxes import Mailbox
from mailstack_operator.stack import aliases
from mailstack_operator.stack.link import QUOTA_STATUS
from mailstack_operator.stack.networks import canonical
from mailstack_operator.stack.paths import DOVECOT_KERNEL, LMTP_TLS_FILE, TLS_FILE
from mailstack_operator.stack.ports import Port, proxied
from mailstack_operator.stack.syntax import Block, DovecotPart, Include, Setting, block
from mailstack_operator.stack.topology import Topology
from mailstack_operator.stack.users import oauth2

# Sessions of one login process, which carries their TLS until they end: it costs 0.1 MB each.
_SESSIONS_OF_A_PROCESS = 250
# Dovecot's own limit of LMTP, which fewer sessions of people do not lower.
_LMTP_AT_LEAST = 100
# Dovecot's own limit of connections to a helper, such as auth or stats, to which each process connects.
_CONNECTIONS_OF_A_HELPER = 1000
# Where a load balancer hides addresses, everybody's sessions of one user come from one address.
_SESSIONS_OF_A_USER = 50

# The settings for a certificate and its key, both in the file at a path: each version has its own.
Certificate: TypeAlias = Callable[[str], Iterable[DovecotPart]]

# Dovecot's own recipient_delimiter.
_DELIMITER = "+"

_AUTO = {"Subscribe": "subscribe", "Create": "create", "Never": "no"}

QUOTA_NAME = "User quota"
# What the policy service answers Postfix at RCPT. Whether a user exists is not its business.
QUOTA_ANSWERS = {
    "quota_status_success": "DUNNO",
    "quota_status_nouser": "DUNNO",
    "quota_status_overquota": "552 5.2.2 Mailbox is full",
    "quota_status_toolarge": "552 5.2.2 Mailbox is too full for this message",
}


def base(topology: Topology) -> Iterator[DovecotPart]:
    yield Setting("protocols", "imap lmtp sieve" if topology.sieve else "imap lmtp")
    yield Setting("listen", "*, ::")
    yield Include(DOVECOT_KERNEL, required=False)
    yield Setting("log_path", "/dev/stderr")
    # What mail says that it was received by, and the Message-ID of what Dovecot writes; else the name of the pod.
    yield Setting("hostname", topology.spec.hostname)
    if (delimiter := aliases.delimiter(topology.spec)) != _DELIMITER:
        yield Setting("recipient_delimiter", delimiter)
    # Not cut off by a reload, nor by drain.sh: a delivery that gets 421 after its message was stored is repeated.
    yield Setting("shutdown_clients", "no")


def tls(topology: Topology, certificate: Certificate, cleartext_logins: Setting) -> Iterator[DovecotPart]:
    """TLS for people, and no login without it; or for LMTP alone, or not at all."""
    if topology.spec.tls:
        yield Setting("ssl", "required")
        yield Setting("ssl_min_protocol", "TLSv1.2")
        yield from certificate(TLS_FILE)
        return
    if topology.lmtp.tls:
        yield Setting("ssl", "yes")
        yield from certificate(LMTP_TLS_FILE)
    else:
        yield Setting("ssl", "no")
    yield cleartext_logins


def lmtp_tls(topology: Topology, certificate: Certificate) -> Iterator[DovecotPart]:
    """Within the protocol lmtp: a certificate of its own, beside that for people."""
    if topology.lmtp.tls and topology.spec.tls:
        yield Setting("ssl", "yes")
        yield from certificate(LMTP_TLS_FILE)


def mechanisms(topology: Topology) -> Iterator[DovecotPart]:
    # Some mail programs know LOGIN only when they send.
    passwords = "plain login" if topology.spec.submission else "plain"
    if topology.spec.users.oauth2:
        yield Setting("auth_mechanisms", f"{passwords} {oauth2.MECHANISMS}")
    elif topology.spec.submission:
        yield Setting("auth_mechanisms", passwords)


def owner(topology: Topology) -> Iterator[DovecotPart]:
    """Whose the mail on the volume is."""
    yield Setting("mail_uid", str(topology.mail_owner))
    yield Setting("mail_gid", str(topology.mail_owner))


def inbox(topology: Topology) -> Block:
    """The namespace of each user's mail, with the mailboxes that every user has."""
    return block("namespace inbox", *map(_mailbox, topology.spec.dovecot.mailboxes), inbox="yes")


def _mailbox(mailbox: Mailbox) -> Block:
    use = [Setting("special_use", f"\\{mailbox.special_use}")] if mailbox.special_use else []
    return block(f'mailbox "{mailbox.name}"', *use, auto=_AUTO[mailbox.auto])


def quota_size(size: str) -> str:
    """A size of the API such as 2Gi in Dovecot's unit, which is binary too: 2G."""
    return size.removesuffix("i")


def rejects_at_recipient(topology: Topology) -> bool:
    """Whether mail for a user who is over quota is refused at RCPT."""
    return QUOTA_STATUS.name in topology.links


def sieve_submission(topology: Topology) -> Iterator[Setting]:
    """What a script sends (redirect, vacation, reject) goes to Postfix; the Dovecot image need hold no sendmail."""
    if topology.outgoing:
        yield Setting("submission_host", topology.outgoing.place)


def connections_of_a_helper(topology: Topology) -> int:
    """Connections, and so files, that one of Dovecot's helpers may have: to a process each of IMAP and of LMTP."""
    return 2 * topology.spec.dovecot.connections + _CONNECTIONS_OF_A_HELPER


def sessions(topology: Topology, forever: Setting) -> Iterator[DovecotPart]:
    """As many sessions as spec.dovecot.connections at once; `forever` lets a login process serve any number in turn.

    With Dovecot's own values a login process serves one session, and there are 100 of them.
    """
    wanted = topology.spec.dovecot.connections
    processes = math.ceil(wanted / _SESSIONS_OF_A_PROCESS)
    yield Setting("default_client_limit", str(connections_of_a_helper(topology)))
    yield Setting("mail_max_userip_connections", str(min(wanted, _SESSIONS_OF_A_USER)))
    # A session in IDLE sees new mail by inotify, of which the node allows a user 128 instances, or by looking.
    yield Setting("mailbox_idle_check_interval", "10 secs")
    for protocol in ("imap", "managesieve") if topology.sieve else ("imap",):
        limits = {"process_limit": str(processes), "client_limit": str(math.ceil(wanted / processes))}
        yield block(f"service {protocol}-login", forever, **limits)
        yield block(f"service {protocol}", process_limit=str(wanted))
    yield block("service lmtp", process_limit=str(max(wanted, _LMTP_AT_LEAST)))


def passwords(unlimited: str) -> Block:
    """Lets Dovecot check a hash of ARGON2ID, which takes up to 1 GiB; the container's memory is the limit."""
    return block("service auth", vsz_limit=unlimited)


def services(topology: Topology) -> Iterator[DovecotPart]:
    rootless = topology.rootless is not None
    for link in topology.dovecot_links:
        yield block(f"service {link.purpose.name}", link.listener(rootless=rootless), **link.purpose.settings)
    if topology.rootless:
        yield from _rootless(topology)
    yield from _proxied(topology)
    if topology.lmtp.tls and not topology.spec.tls:
        yield from _lmtp_alone_has_tls(topology)


def _port(port: Port) -> Block:
    return block(f"inet_listener {port.name}", port=str(port.container))


def _rootless(topology: Topology) -> Iterator[Block]:
    """Without root there is no chroot and no port below 1024."""
    for service in ("anvil", "stats"):
        yield block(f"service {service}", chroot="")
    imaps = [_port(topology.imaps)] if topology.imaps else []
    yield block("service imap-login", _port(topology.imap), *imaps, chroot="")
    if topology.sieve:
        yield block("service managesieve-login", _port(topology.sieve), chroot="")


def _proxied(topology: Topology) -> Iterator[DovecotPart]:
    """Listeners for a load balancer that speaks the PROXY protocol; from any other address Dovecot takes no header."""
    trusted = topology.trusted_networks(topology.imap)
    if not trusted:
        return
    yield Setting("haproxy_trusted_networks", " ".join(canonical(trusted)))
    yield Setting("haproxy_timeout", "3 secs")
    imaps = [_proxy_listener(topology.imaps, ssl="yes")] if topology.imaps else []
    yield block("service imap-login", _proxy_listener(topology.imap), *imaps)
    if topology.sieve:
        yield block("service managesieve-login", _proxy_listener(topology.sieve))


def _proxy_listener(port: Port, **settings: str) -> Block:
    number = proxied(port).container
    return block(f"inet_listener {port.name}_proxy", port=str(number), haproxy="yes", **settings)


def _lmtp_alone_has_tls(topology: Topology) -> Iterator[Block]:
    """Takes TLS away from the ports for people. Dovecot takes no `ssl = yes` for one protocol under `ssl = no`."""
    yield block("service imap-login", block("inet_listener imaps", port="0"))
    for protocol in ("imap", "sieve") if topology.sieve else ("imap",):
        yield block(f"protocol {protocol}", ssl="no")
