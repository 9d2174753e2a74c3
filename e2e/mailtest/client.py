"""The mail client pod: SMTP and IMAP are spoken from inside the cluster, as another server or a person would."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from mailtest.kubectl import Kubectl, Object

IMAGE = "mailstack/operator:0.1.0"
AGENT = Path(__file__).with_name("agent.py")


@dataclass(frozen=True)
class Reply:
    """An SMTP reply: `text` holds the enhanced code and the words; `seconds` is how long a RCPT took."""

    code: int
    text: str
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


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


@dataclass(frozen=True)
class Client:
    """The pod `client` of a namespace."""

    namespace: str

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(self.namespace)

    def start(self) -> None:
        """Create the pod unless it runs, and wait until it does."""
        self.kubectl.apply(pod())
        self.kubectl("wait", "pod/client", "--for=condition=Ready", "--timeout=60s", seconds=70)

    def ask(self, host: str, *recipients: str) -> list[Reply]:
        """The answers to RCPT for each recipient, in one session."""
        answer: list[Object] = self._call({"verb": "ask", "host": host, "recipients": recipients})
        return [Reply(**reply) for reply in answer]

    def send(self, host: str, *letters: Letter) -> list[Reply]:
        """The last reply to each message: of DATA, or of what was refused before it."""
        messages = [{"to": each.to, "data": base64.b64encode(each.data).decode()} for each in letters]
        answer: list[Object] = self._call({"verb": "send", "host": host, "messages": messages})
        return [Reply(**reply) for reply in answer]

    def fetch(self, host: str, user: str, password: str) -> list[bytes]:
        """Every message of the user's INBOX."""
        answer: list[str] = self._call({"verb": "fetch", "host": host, "user": user, "password": password})
        return [base64.b64decode(each) for each in answer]

    def _call(self, request: Object) -> list:  # type: ignore[type-arg]  # the verb decides what it holds
        command = ("python3", "-c", AGENT.read_text())
        out = self.kubectl.execute("client", "client", *command, stdin=json.dumps(request), seconds=120)
        answer: list[object] = json.loads(out)
        return answer


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
