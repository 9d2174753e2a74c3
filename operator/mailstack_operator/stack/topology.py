"""Decides what runs where: pods, links, ports and identities.

Pure. Configuration files and pods take their decisions from here, so that Postfix, Dovecot and the pods cannot
disagree about them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from mailstack_operator import __version__
from mailstack_operator.api.strings import size_bytes
from mailstack_operator.kube import names
from mailstack_operator.kube.metadata import HelperImage
from mailstack_operator.stack import aliases, images, link
from mailstack_operator.stack.aliases import Aliases
from mailstack_operator.stack.images import BUILT_IN, ServerImages
from mailstack_operator.stack.link import Link, Outgoing, Purpose
from mailstack_operator.stack.mailstack import MailStack
from mailstack_operator.stack.ports import (
    IMAP_PORT,
    IMAPS_PORT,
    SIEVE_PORT,
    SUBMISSION_PORT,
    SUBMISSIONS_PORT,
    Port,
    dovecot_port,
    proxied,
)
from mailstack_operator.stack.users.source import Spec
from mailstack_probe.contract import SMTP_PORT

# Owner of the mail on the volume. A number of our own: it must be the same in every Dovecot image.
MAIL_ID = 5000
# The default of message_size_limit: the operator's, and that of postconf(5), in bytes.
_MESSAGE_SIZE = "50Mi"
_POSTFIX_MESSAGE_SIZE = 10_240_000
# The name that a rootless Dovecot's number gets in its container.
ROOTLESS_USER = "vmail"

_SUBMISSION = [
    Port("submission", SUBMISSION_PORT, SUBMISSION_PORT),
    Port("submissions", SUBMISSIONS_PORT, SUBMISSIONS_PORT),
]

DEFAULT_OPERATOR_IMAGE = f"mailstack/operator:{__version__}"


@dataclass(frozen=True)
class Sources:
    """What the spec names in ConfigMaps of the user: the texts of the files, empty where there is none."""

    aliases: str = ""
    virtual: str = ""
    sieve_before: str = ""
    sieve_after: str = ""


@dataclass(frozen=True)
class Topology:
    """What becomes of a MailStack. `links` are by the name of their purpose; that of LMTP is always there.

    `pull_secrets` are the names of the Secrets for `operator_image`, beside those of the spec; `images` are those of
    servers for which the spec names none.
    """

    stack: MailStack
    links: Mapping[str, Link]
    sources: Sources = field(default_factory=Sources)
    operator_image: str = DEFAULT_OPERATOR_IMAGE
    pull_secrets: tuple[str, ...] = ()
    images: ServerImages = BUILT_IN

    @property
    def spec(self) -> Spec:
        return self.stack.spec

    @property
    def lmtp(self) -> Link:
        return self.links[link.LMTP.name]

    @property
    def dovecot_links(self) -> list[Link]:
        return [found for found in self.links.values() if found.purpose.server == link.DOVECOT]

    @property
    def helper_image(self) -> HelperImage:
        """The image of the pods' helpers."""
        return HelperImage(self.operator_image, self.pull_secrets)

    @property
    def postfix_image(self) -> str:
        return self.images.chosen(images.POSTFIX, self.spec.postfix.image)

    @property
    def dovecot_image(self) -> str:
        return self.images.chosen(images.dovecot(self.spec.dovecot.version), self.spec.dovecot.image)

    @property
    def spec_pull_secrets(self) -> tuple[str, ...]:
        """The names of the Secrets that the spec gives."""
        return tuple(each.name for each in self.spec.image_pull_secrets)

    @property
    def rootless(self) -> int | None:
        """The user and group id of a rootless Dovecot, None if it runs as root."""
        return self.spec.dovecot.rootless.run_as_user if self.spec.dovecot.rootless else None

    @property
    def mail_owner(self) -> int:
        """User and group id of the mail on the volume."""
        return self.rootless or MAIL_ID

    @property
    def tls(self) -> bool:
        """Whether the servers read certificates: for people, or for LMTP."""
        return self.spec.tls is not None or self.lmtp.tls

    @property
    def message_size_limit(self) -> int:
        """The largest message that Postfix accepts, in bytes.

        Without a limit of the spec's own it leaves room for four messages on a small volume, and is never less than
        Postfix's own default.
        """
        postfix = self.spec.postfix
        given = postfix.parameters.get("message_size_limit", "")
        if given.isdecimal() and int(given):
            return int(given)
        if postfix.message_size_limit:
            return size_bytes(postfix.message_size_limit)
        return min(max(size_bytes(postfix.storage.queue_size) // 4, _POSTFIX_MESSAGE_SIZE), size_bytes(_MESSAGE_SIZE))

    @cached_property
    def aliases(self) -> Aliases:
        """Where mail to an address goes instead of a mailbox."""
        return aliases.of_spec(self.spec, self.sources.virtual)

    @property
    def refuses_own_senders(self) -> bool:
        """Whether port 25 refuses senders of the MailStack's own domains."""
        default = "Reject" if self.spec.submission else "Accept"
        return (self.spec.postfix.own_domain_senders or default) == "Reject"

    @property
    def postfix_ports(self) -> list[Port]:
        submission = _SUBMISSION if self.spec.submission else []
        return [Port("smtp", SMTP_PORT, SMTP_PORT), *submission]

    @property
    def imap(self) -> Port:
        return self._dovecot_port("imap", IMAP_PORT)

    @property
    def imaps(self) -> Port | None:
        return self._dovecot_port("imaps", IMAPS_PORT) if self.spec.tls else None

    @property
    def sieve(self) -> Port | None:
        """ManageSieve."""
        return self._dovecot_port("sieve", SIEVE_PORT) if self.spec.plugins.sieve else None

    @property
    def link_ports(self) -> list[Port]:
        """The ports of Dovecot that are for Postfix alone."""
        return [found.port for found in self.dovecot_links if found.port]

    @property
    def mail_ports(self) -> list[Port]:
        """The ports of Dovecot that are for people."""
        return [port for port in (self.imap, self.imaps, self.sieve) if port]

    def trusted_networks(self, port: Port) -> tuple[str, ...]:
        """The networks that speak the PROXY protocol for this port; none where it has no listener for that."""
        wanted = self.spec.expose.smtp if port.service == SMTP_PORT else self.spec.expose.clients
        return tuple(wanted.proxy_protocol.trusted_networks) if wanted and wanted.proxy_protocol else ()

    def proxied(self, ports: Iterable[Port]) -> list[Port]:
        """The ports for the PROXY protocol that are beside these."""
        return [proxied(port) for port in ports if self.trusted_networks(port)]

    @property
    def endpoint(self) -> str:
        """Where mail is received: the Service's name in the cluster, and the port."""
        key = self.stack.key
        return f"{key.name}.{key.namespace}.svc:{SMTP_PORT}"

    @property
    def outgoing(self) -> Outgoing | None:
        """Where Postfix takes the mail that Dovecot sends, if its scripts may send any."""
        return self.lmtp.outgoing(self.stack.key) if self.spec.plugins.sieve else None

    def on_loopback(self) -> "Topology":
        """The same links with both servers in one pod, as the rehearsal has them."""
        return replace(self, links={name: found.on_loopback() for name, found in self.links.items()})

    def _dovecot_port(self, name: str, number: int) -> Port:
        return dovecot_port(name, number, rootless=self.rootless is not None)


def decide(
    stack: MailStack,
    sources: Sources = Sources(),
    operator_image: str = DEFAULT_OPERATOR_IMAGE,
    purposes: Iterable[Purpose] = link.PURPOSES,
) -> Topology:
    """The topology that the MailStack's spec asks for."""
    host = f"{names.dovecot(stack.key.name)}.{stack.key.namespace}.svc"
    return Topology(stack, link.links(stack.spec, host, purposes), sources, operator_image)
