"""A Secret or ConfigMap of the user, and which keys of it the pods need."""

from dataclasses import dataclass
from typing import Literal

CERTIFICATE_KEYS = ("tls.crt", "tls.key")
CA_KEY = "ca.crt"
RELAY_KEYS = ("username", "password")


@dataclass(frozen=True)
class Need:
    """`what` is the content of the object, for messages; `passwd`: its one key holds a passwd-file of Dovecot,
    `password`: a password for another server; `dkim`: each holds a key for signatures."""

    kind: Literal["Secret", "ConfigMap"]
    name: str
    keys: tuple[str, ...]
    what: str
    passwd: bool = False
    password: bool = False
    dkim: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
