"""A Secret or ConfigMap of the user, and which keys of it the pods need."""

from dataclasses import dataclass
from typing import Literal

CERTIFICATE_KEYS = ("tls.crt", "tls.key")
CA_KEY = "ca.crt"
RELAY_KEYS = ("username", "password")


@dataclass(frozen=True)
class Need:
    """`what` is the content of the object, for messages."""

    kind: Literal["Secret", "ConfigMap"]
    name: str
    keys: tuple[str, ...]
    what: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
