"""What the mail client is asked and what it answers; the test's side and the pod's side share these shapes."""

import re
from dataclasses import dataclass
from typing import Literal

Security = Literal["plain", "starttls", "tls"]
Protocol = Literal["smtp", "imap", "sieve", "lmtp"]

# The ports of each protocol: plain or STARTTLS, and TLS from the first byte (0: there is none).
PORTS: dict[Protocol, tuple[int, int]] = {"smtp": (25, 465), "imap": (143, 993), "sieve": (4190, 0), "lmtp": (24, 0)}


@dataclass(frozen=True)
class Endpoint:
    """A server, and how to speak to it.

    `port` 0 means the protocol's own. `ca` is a CA in PEM that must have signed the certificate of `name`
    (by default the host); without it any certificate will do. `mechanism` "" lets the client choose; with
    OAUTHBEARER and XOAUTH2 `password` is a token. `weak` is all
    that a client can that is worse than others: no newer TLS, or ciphers without a certificate.
    """

    host: str
    port: int = 0
    security: Security = "plain"
    ca: str = ""
    name: str = ""
    user: str = ""
    password: str = ""
    mechanism: Literal["", "PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"] = ""
    weak: Literal["", "tls1.1", "anonymous"] = ""

    def port_of(self, protocol: Protocol) -> int:
        return self.port or PORTS[protocol][self.security == "tls"]


@dataclass(frozen=True)
class Reply:
    """A reply of SMTP or LMTP: `text` holds the enhanced code and the words; `seconds` is how long it took."""

    code: int
    text: str
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.code} {self.text}"

    def matches(self, code: int, pattern: str) -> bool:
        """Whether the reply has the code, and the pattern is found in its text."""
        return self.code == code and re.search(pattern, self.text, re.DOTALL) is not None


@dataclass(frozen=True)
class Verdict:
    """What a ManageSieve server answers to a command: `words` is its reason, or its warnings."""

    ok: bool
    words: str


@dataclass(frozen=True)
class Quota:
    """A resource of a quota root, as IMAP tells it: STORAGE counts KiB."""

    root: str
    resource: str
    usage: int
    limit: int


@dataclass(frozen=True)
class Held:
    """An IMAP session that was open while new ones got to see another certificate (SHA-256 of its DER, in hex).

    `alive`: the old session still answered at the end. `before` is equal to `after` if nothing changed in time.
    """

    before: str
    after: str
    alive: bool
