"""The certificates of the servers: which Secret each is in, and the file in which its server reads it."""

from dataclasses import dataclass

from mailstack_operator.kube.objects import Object
from mailstack_operator.stack import containers
from mailstack_operator.stack.containers import WORLD_READABLE
from mailstack_operator.stack.needs import CA_KEY, CERTIFICATE_KEYS
from mailstack_operator.stack.paths import (
    LMTP_CA_FILE,
    LMTP_CA_SECRET,
    LMTP_PUBLIC_FILE,
    LMTP_SECRET,
    LMTP_TLS_FILE,
    TLS_FILE,
    TLS_PUBLIC_FILE,
    TLS_SECRET,
)
from mailstack_probe.contract import Copy


@dataclass(frozen=True)
class Certificate:
    """`volume` is of the Secret and mounted at `folder`; `copy` says from where and to where the sidecar copies it.
    `public` is the same without a key, for its date of expiry; None for a CA's, which is no pair."""

    copy: Copy
    volume: Object
    folder: str
    public: str | None = None


def of_server(secret: str) -> Certificate:
    """For mail programs and other mail servers."""
    volume = containers.secret("tls-secret", secret, CERTIFICATE_KEYS, WORLD_READABLE)
    return Certificate(Copy(TLS_SECRET, TLS_FILE), volume, TLS_SECRET, TLS_PUBLIC_FILE)


def of_lmtp(secret: str) -> Certificate:
    """What Dovecot shows Postfix."""
    volume = containers.secret("lmtp-secret", secret, CERTIFICATE_KEYS, WORLD_READABLE)
    return Certificate(Copy(LMTP_SECRET, LMTP_TLS_FILE), volume, LMTP_SECRET, LMTP_PUBLIC_FILE)


def of_lmtp_authority(secret: str) -> Certificate:
    """With what Postfix verifies Dovecot's."""
    volume = containers.secret("lmtp-ca", secret, [CA_KEY], WORLD_READABLE)
    return Certificate(Copy(f"{LMTP_CA_SECRET}/{CA_KEY}", LMTP_CA_FILE), volume, LMTP_CA_SECRET)
