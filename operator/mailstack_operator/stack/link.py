"""How Postfix reaches the servers that it asks: by a unix socket in its private/, or over TCP.

Which of the two is decided here, once, by `links`. Both kinds of link answer the same questions: Postfix's form
(main.cf), Dovecot's listener (dovecot.conf 2.3 and 2.4), the address for the probe, the row for
`kubectl mailstack status`, and the port of the container and the Service. No other module asks which kind it is.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, TypeAlias

from mailstack_operator.api import cel
from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import containers
from mailstack_operator.stack.paths import LMTP_CA_FILE, POSTFIX_PRIVATE
from mailstack_operator.stack.ports import MAIL_PORTS, OUTGOING_PORT, POSTFIX_PORTS, Port, dovecot_port
from mailstack_operator.stack.postfix import services
from mailstack_operator.stack.rule import rule
from mailstack_operator.stack.syntax import Block, block
from mailstack_operator.stack.users.source import Spec
from mailstack_probe.contract import Address, InetAddress, UnixAddress

LOOPBACK = "127.0.0.1"
DOVECOT = "dovecot"
# Far enough from every port in POSTFIX_PORTS and MAIL_PORTS.
_ABOVE_POSTFIX = 20_000


@dataclass(frozen=True)
class Purpose:
    """What Postfix asks another server for.

    `name` is that of Dovecot's service and of its port; `title` says it to a person. `socket` (in private/) and
    `port` are where Dovecot listens; those of LMTP are the user's to choose, and these are its defaults. `settings`
    are further ones of Dovecot's service; `parameters` are what main.cf needs for the link. A `server` other than
    Dovecot is a component beside Postfix, and listens on the port of the loopback interface.
    """

    name: str
    title: str
    socket: str
    port: int
    needed: Callable[[Spec], bool]
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: Callable[["Link"], Mapping[str, str]] = lambda _: {}
    server: str = DOVECOT


def _has_quota_at_recipient(spec: Spec) -> bool:
    return spec.plugins.quota is not None and spec.plugins.quota.reject_at_recipient


LMTP = Purpose(
    "lmtp",
    "delivery and verification (LMTP)",
    "dovecot-lmtp",
    24,
    needed=lambda _: True,
    parameters=lambda link: link.lmtp_parameters,
)
AUTH = Purpose("auth", "authentication (SASL)", "auth", 12345, needed=lambda spec: spec.submission is not None)
QUOTA_STATUS = Purpose(
    "quota-status",
    "quota check (policy service)",
    "quota-status",
    12340,
    needed=_has_quota_at_recipient,
    settings={"executable": "quota-status -p postfix"},
)
PURPOSES = (LMTP, AUTH, QUOTA_STATUS)


def taken_sockets(purposes: Iterable[Purpose] = PURPOSES) -> list[str]:
    """The names in private/ that the LMTP socket cannot have: Postfix's own, and those of the other purposes."""
    return sorted({*services.private_sockets(), *(purpose.socket for purpose in purposes if purpose is not LMTP)})


def taken_ports(purposes: Iterable[Purpose] = PURPOSES) -> list[int]:
    """The ports that LMTP cannot have: those for mail programs, and those of the other purposes."""
    return sorted({*MAIL_PORTS, *(purpose.port for purpose in purposes if purpose is not LMTP)})


@dataclass(frozen=True)
class Outgoing:
    """Postfix's listener for the mail that Dovecot sends (redirect, vacation), which may go to anybody.

    `place` is where Dovecot connects to, `listener` that of master.cf. On the loopback interface only the containers of
    the pod reach it. Over TCP it has a `port` behind a Service of its own, and `clients` are the Services whose pods
    alone may use it: the cluster's DNS names them under any of these (Kubernetes DNS-Based Service Discovery, 2.4).
    """

    place: str
    listener: str
    port: Port | None = None
    clients: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnixLink:
    """A unix socket in Postfix's private/. Both servers are in one pod."""

    purpose: Purpose
    socket: str

    # The component whose pod Dovecot is in.
    dovecot_beside: ClassVar[str] = "postfix"
    # Dovecot makes a socket for the user postfix, by the ids of Postfix's image.
    needs_postfix_ids: ClassVar[bool] = True
    # A Dovecot that is down makes its pod not Ready, and the Postfix in it must still take mail and queue it.
    serves_while_not_ready: ClassVar[bool] = True
    # Seconds for which a stopping Postfix keeps serving. No other replica serves meanwhile.
    serve_seconds: ClassVar[int] = 0
    tls: ClassVar[bool] = False
    secret_name: ClassVar[str | None] = None
    port: ClassVar[Port | None] = None
    # What an administrator should know of a link that works.
    remark: ClassVar[str] = ""

    @property
    def endpoint(self) -> str:
        """Postfix's form, as in `lmtp:ENDPOINT` and check_policy_service; relative to the spool, so it is valid with
        and without chroot."""
        return f"unix:private/{self.socket}"

    @property
    def sasl_path(self) -> str:
        """Postfix's form for smtpd_sasl_path."""
        return f"private/{self.socket}"

    @property
    def lmtp_parameters(self) -> dict[str, str]:
        """What lmtp(8) needs for this kind of link, in main.cf."""
        return {}

    @property
    def lmtp_defaults(self) -> dict[str, str]:
        """What lmtp(8) should have for this kind of link, and the spec's own parameters may replace."""
        # No lmtp_connect_timeout: with one, a socket whose backlog is full is an error at once; without, Postfix waits
        # for Dovecot to accept.
        return {}

    def listener(self, *, rootless: bool) -> Block:
        """Dovecot's listener. Without root, it belongs to the number that Dovecot runs as, and that is postfix's."""
        owner = {} if rootless else {"user": "postfix", "group": "postfix"}
        return block(f"unix_listener {POSTFIX_PRIVATE}/{self.socket}", **owner, mode="0600")

    @property
    def address(self) -> Address:
        """Where Postfix reaches Dovecot, for the probe."""
        return UnixAddress(f"{POSTFIX_PRIVATE}/{self.socket}")

    @property
    def address_in_pod(self) -> Address:
        """The same from within Dovecot's pod."""
        return self.address

    @property
    def place(self) -> str:
        """Where a person looks for it."""
        return f"private/{self.socket}"

    def state(self, files: Mapping[str, str] | None) -> str:
        """What is there; `files` is mode and owner of each file in private/, None if that is not known."""
        if files is None:
            return "unknown"
        return files.get(self.socket, "missing: see the log of the container dovecot")

    @property
    def volumes(self) -> tuple[Object, ...]:
        """What the two servers share."""
        return (containers.empty("private"),)

    def mounts(self, *, read_only: bool = False) -> list[Object]:
        """Where a container sees it."""
        return [containers.mount("private", POSTFIX_PRIVATE, read_only=read_only)]

    def outgoing(self, stack: names.StackKey) -> "Outgoing":
        """Where Postfix takes the mail that Dovecot sends."""
        del stack
        place = f"{LOOPBACK}:{OUTGOING_PORT}"
        return Outgoing(place, place)

    def on_loopback(self) -> "UnixLink":
        """The same link when both servers are in one pod."""
        return self

    @property
    def host_aliases(self) -> list[Json]:
        """Entries of the pod's /etc/hosts for `on_loopback`."""
        return []


@dataclass(frozen=True)
class InetLink:
    """A TCP port of Dovecot behind a ClusterIP Service. The servers have pods of their own.

    `host` is the name of the Service, never of a pod: a name that does not resolve while its pod is away would make
    Postfix refuse good users for good. `secret_name` holds Dovecot's certificate, for STARTTLS that Postfix verifies;
    None for a link without TLS.
    """

    purpose: Purpose
    host: str
    port: Port
    secret_name: str | None

    # In a pod of its own.
    dovecot_beside: ClassVar[str] = ""
    needs_postfix_ids: ClassVar[bool] = False
    # A pod that is not Ready gets no connections; the other replicas do.
    serves_while_not_ready: ClassVar[bool] = False
    # There may be replicas, and each node learns with a delay that this one is going.
    serve_seconds: ClassVar[int] = 5
    volumes: ClassVar[tuple[Object, ...]] = ()

    @property
    def tls(self) -> bool:
        return self.secret_name is not None

    @property
    def remark(self) -> str:
        if self.purpose is not LMTP or self.tls:
            return ""
        return "LMTP between their pods is not encrypted: set spec.delivery.listener.inet.tls to encrypt it"

    @property
    def endpoint(self) -> str:
        return f"inet:{self.place}"

    @property
    def sasl_path(self) -> str:
        return self.endpoint

    @property
    def lmtp_parameters(self) -> dict[str, str]:
        managed = {
            # The name of a Service is known to the pod's resolver (search list, hosts file), not to the DNS as it is.
            "lmtp_host_lookup": "native",
            # A name that cannot be looked up is an outage of the cluster's DNS: Postfix would refuse good users for
            # good.
            "lmtp_delivery_status_filter": "regexp:{{/^5([.]4[.]4 .*)/ 4$$1}}",
            "lmtp_tls_security_level": "none",
        }
        if not self.tls:
            return managed
        return managed | {
            "lmtp_tls_security_level": "secure",
            "lmtp_tls_CAfile": LMTP_CA_FILE,
            "lmtp_tls_secure_cert_match": self.host,
            "lmtp_tls_loglevel": "1",
        }

    @property
    def lmtp_defaults(self) -> dict[str, str]:
        # A packet to a pod that is gone is answered by nobody, and the kernel tries for 134 s: three times within 5 s.
        # A Dovecot that stops waits for open sessions (drain.sh), which Postfix would use for 300 s under load.
        connecting = {"lmtp_connect_timeout": "5s", "lmtp_connection_reuse_time_limit": "5s"}
        # One handshake for many messages, by tlsproxy(8).
        return connecting | {"lmtp_tls_connection_reuse": "yes"} if self.tls else connecting

    def listener(self, *, rootless: bool) -> Block:
        del rootless
        return block(f"inet_listener {self.port.name}", port=str(self.port.container))

    @property
    def address(self) -> Address:
        return InetAddress(self.host, self.port.service)

    @property
    def address_in_pod(self) -> Address:
        return InetAddress(LOOPBACK, self.port.container)

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port.service}"

    def state(self, files: Mapping[str, str] | None) -> str:
        del files
        return "TCP, verified TLS" if self.tls else "TCP, not encrypted"

    def mounts(self, *, read_only: bool = False) -> list[Object]:
        del read_only
        return []

    def outgoing(self, stack: names.StackKey) -> "Outgoing":
        port = Port("outgoing", OUTGOING_PORT, OUTGOING_PORT)
        place = f"{names.outgoing(stack.name)}.{stack.namespace}.svc:{port.service}"
        # Dovecot's pod is behind both, and the DNS answers with either name.
        clients = (self.host, f"{stack.name}.{stack.namespace}.svc")
        return Outgoing(place, str(port.container), port, clients)

    def on_loopback(self) -> "InetLink":
        """Without the Service between the servers, Postfix connects to where Dovecot really listens: on a port that is
        not Postfix's own."""
        container = self.port.container
        port = container + _ABOVE_POSTFIX if container in POSTFIX_PORTS else container
        return replace(self, port=replace(self.port, service=port, container=port))

    @property
    def host_aliases(self) -> list[Json]:
        return [{"ip": LOOPBACK, "hostnames": [self.host]}]


Link: TypeAlias = UnixLink | InetLink


def links(spec: Spec, host: str, purposes: Iterable[Purpose] = PURPOSES) -> dict[str, Link]:
    """The links that the spec needs, by the name of their purpose; `host` is the name of Dovecot's own Service."""
    return {purpose.name: _link(spec, purpose, host) for purpose in purposes if purpose.needed(spec)}


def are_in_one_pod(spec: Spec) -> bool:
    """Whether both servers are; IN_ONE_POD is the same in CEL, of the spec."""
    return spec.delivery.listener.type == "Unix"


IN_ONE_POD: Final = "self.delivery.listener.type == 'Unix'"


def lmtp_secret(spec: Spec) -> str | None:
    """The Secret of LMTP's certificate, if it has one."""
    listener = spec.delivery.listener
    return listener.inet.tls.secret_name if listener.type == "Inet" and listener.inet.tls else None


def _link(spec: Spec, purpose: Purpose, host: str) -> Link:
    if purpose.server != DOVECOT:
        return InetLink(purpose, LOOPBACK, Port(purpose.name, purpose.port, purpose.port), None)
    return _by_socket(spec, purpose) if spec.delivery.listener.type == "Unix" else _by_port(spec, purpose, host)


def _by_socket(spec: Spec, purpose: Purpose) -> UnixLink:
    return UnixLink(purpose, spec.delivery.listener.unix.name if purpose is LMTP else purpose.socket)


def _by_port(spec: Spec, purpose: Purpose, host: str) -> InetLink:
    number = spec.delivery.listener.inet.port if purpose is LMTP else purpose.port
    port = dovecot_port(purpose.name, number, rootless=spec.dovecot.rootless is not None)
    return InetLink(purpose, host, port, lmtp_secret(spec) if purpose is LMTP else None)


# Of `spec.delivery.listener`.
RULES: Final = (
    rule(
        "spec.delivery.listener.unix.name",
        f"!(self in {cel.strings(taken_sockets())})",
        "Postfix or Dovecot uses this name for another socket: choose another, such as dovecot-lmtp",
        lambda spec: spec.delivery.listener.unix.name not in taken_sockets(),
    ),
    rule(
        "spec.delivery.listener.inet.port",
        f"!(self in {taken_ports()})",
        "Dovecot uses this port for another service: choose another, such as 24",
        lambda spec: spec.delivery.listener.inet.port not in taken_ports(),
    ),
    rule(
        "spec.delivery.listener",
        "self.type == 'Inet' || !has(self.inet.tls)",
        "inet.tls requires type Inet: set type to Inet, or remove inet.tls",
        lambda spec: spec.delivery.listener.type == "Inet" or spec.delivery.listener.inet.tls is None,
    ),
    rule(
        "spec",
        "self.postfix.replicas == 1 || self.delivery.listener.type == 'Inet'",
        "postfix.replicas above 1 requires delivery.listener.type Inet, "
        "because a Unix socket joins the servers of a single pod",
        lambda spec: spec.postfix.replicas == 1 or spec.delivery.listener.type == "Inet",
    ),
)
