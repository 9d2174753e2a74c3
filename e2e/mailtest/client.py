"""Mail clients: mail's protocols are spoken as another server or a person would.

Where a method takes `server`, the name of a host means plain text on the protocol's own port; an Endpoint
says more.
"""

import base64
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from harness import images
from mailtest import conversation
from mailtest.kubectl import Kubectl, Object
from mailtest.wire import Endpoint, Held, Protocol, Quota, Reply, Verdict

IMAGE = f"mailstack/operator:{images.operator_version()}"
SENDER = "sender@example.net"


@dataclass(frozen=True)
class Letter:
    """A message for one recipient, as bytes with CRLF line ends."""

    to: str
    data: bytes

    @property
    def body(self) -> bytes:
        return body_of(self.data)


def letter(to: str, subject: str, body: bytes = b"Hello.\r\n") -> Letter:
    """A message with the usual headers; `body` holds CRLF line ends and ends with one."""
    headers = f"From: sender@example.net\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@example.net>\r\n"
    return Letter(to, headers.encode() + b"\r\n" + body)


def body_of(message: bytes) -> bytes:
    """What stands below the headers."""
    return message.partition(b"\r\n\r\n")[2]


def header_of(message: bytes, name: str) -> str:
    """The value of the header `name`; "" if it is missing."""
    for line in message.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        key, _, value = line.partition(b": ")
        if key.lower() == name.lower().encode():
            return value.decode()
    return ""


class Speaker(ABC):
    """Who speaks the protocols."""

    @property
    @abstractmethod
    def python(self) -> tuple[str, ...]:
        """A command that runs Python there, with its standard input."""

    def ask(self, server: str | Endpoint, *recipients: str, sender: str = SENDER) -> list[Reply]:
        """The answers to RCPT for each recipient, in one session; no mail is sent."""
        return _replies(self._call("ask", server, sender=sender, recipients=recipients))

    def send(self, server: str | Endpoint, *letters: Letter, sender: str = SENDER) -> list[Reply]:
        """The last reply to each message: of DATA, or of what was refused before it."""
        messages = [{"to": each.to, "data": base64.b64encode(each.data).decode()} for each in letters]
        return _replies(self._call("send", server, sender=sender, messages=messages))

    def authenticate(self, server: Endpoint) -> Reply:
        """The reply to SMTP's AUTH for the endpoint's user."""
        return Reply(**self._call("authenticate", server))

    def extensions(self, server: str | Endpoint) -> list[str]:
        """What EHLO offers, such as "starttls" or "auth PLAIN LOGIN"."""
        offered: list[str] = self._call("extensions", server)
        return offered

    def say(self, server: str | Endpoint, *lines: str) -> list[Reply]:
        """The reply of an SMTP server to each line; nothing else is said, not even EHLO."""
        return _replies(self._call("say", server, lines=lines))

    def deliver(
        self, server: str | Endpoint, data: bytes, *recipients: str, sender: str = SENDER
    ) -> tuple[list[Reply], list[Reply]]:
        """One message over LMTP: the reply to each RCPT, and that to DATA for each recipient that RCPT accepted."""
        encoded = base64.b64encode(data).decode()
        answer = self._call("deliver", server, sender=sender, recipients=recipients, data=encoded)
        return _replies(answer["rcpt"]), _replies(answer["data"])

    def fetch(self, server: str | Endpoint, user: str, password: str, folder: str = "INBOX") -> list[bytes]:
        """Every message of the user's folder."""
        answer: list[str] = self._call("fetch", _as(server, user, password), folder=folder)
        return [base64.b64decode(each) for each in answer]

    def folders(self, server: str | Endpoint, user: str, password: str) -> dict[str, str]:
        """The folders that the user is subscribed to, and the special use of each."""
        found: dict[str, str] = self._call("folders", _as(server, user, password))
        return found

    @contextmanager
    def crowd(self, server: Endpoint, users: list[str], number: int, seconds: float) -> Iterator[Future[int]]:
        """So many IMAP sessions of the users, open until the server ends one of them."""
        with ThreadPoolExecutor() as pool:
            limits = {"limit": seconds + 120, "seconds": seconds}
            yield pool.submit(lambda: int(self._call("crowd", server, users=users, number=number, **limits)))

    def quota(self, server: str | Endpoint, user: str, password: str) -> list[Quota]:
        """The user's quota as IMAP tells it; [] when none is set."""
        return [Quota(**each) for each in self._call("quota", _as(server, user, password))]

    def put_script(
        self,
        server: str | Endpoint,
        user: str,
        password: str,
        script: str,
        *,
        name: str = "main",
        activate: bool = True,
    ) -> Verdict:
        """Upload a Sieve script by ManageSieve, and activate it."""
        endpoint = _as(server, user, password)
        return Verdict(**self._call("put_script", endpoint, name=name, script=script, activate=activate))

    def check_script(self, server: str | Endpoint, user: str, password: str, script: str) -> Verdict:
        """Whether the server can compile a Sieve script."""
        return Verdict(**self._call("check_script", _as(server, user, password), script=script))

    def certificate(self, server: Endpoint, protocol: Protocol) -> str:
        """SHA-256 of the certificate that a new connection gets to see, in hex; "" without TLS."""
        shown: str = self._call("certificate", server, protocol=protocol)
        return shown

    @contextmanager
    def hold(self, server: Endpoint, seconds: float) -> Iterator[Future[Held]]:
        """An IMAP session that stays open while the block renews the certificate; the end is in the future."""
        with ThreadPoolExecutor(1) as pool:
            yield pool.submit(lambda: Held(**self._call("hold", server, limit=seconds + 60, seconds=seconds)))

    def _call(self, verb: str, server: str | Endpoint, *, limit: float = 120.0, **request: object) -> Any:
        """Have the agent carry out `verb`; what it answers depends on the verb. `limit` is in seconds."""
        endpoint = asdict(Endpoint(server) if isinstance(server, str) else server)
        return conversation.ask(self.python, {"verb": verb, "endpoint": endpoint, **request}, limit)


@dataclass(frozen=True)
class Client(Speaker):
    """The pod `client` of a namespace."""

    namespace: str

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(self.namespace)

    @property
    def python(self) -> tuple[str, ...]:
        command = ("kubectl", f"--namespace={self.namespace}", "exec", "client", "--container=client")
        return (*command, "--stdin", "--", "python3")

    def start(self) -> None:
        """Create the pod unless it runs, and wait until it does."""
        self.kubectl.apply(pod())
        self.kubectl("wait", "pod/client", "--for=condition=Ready", "--timeout=120s", seconds=130)


def _as(server: str | Endpoint, user: str, password: str) -> Endpoint:
    endpoint = Endpoint(server) if isinstance(server, str) else server
    return replace(endpoint, user=user, password=password)


def _replies(answer: list[Object]) -> list[Reply]:
    return [Reply(**each) for each in answer]


def pod() -> Object:
    """The client: the operator's image, which holds Python, with nothing of the operator running."""
    restricted = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "client",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sleep", "infinity"],
        "securityContext": restricted,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "client"},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
        },
    }
