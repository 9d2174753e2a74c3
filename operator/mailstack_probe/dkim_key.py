"""Private keys for DKIM, as PEM: whether they can sign, the form in which rspamd reads them, and their records. Pure.

Sources: RFC 8017, A.1 (RSA); RFC 5958 (PKCS #8); RFC 8410 (Ed25519); RFC 6376, 3.6.1, RFC 8301 and RFC 8463 (DKIM).
"""

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mailstack_probe import der, ed25519
from mailstack_probe.pem import BODY

# RFC 8301, 3.2: verifiers accept no less, and need not accept more than 4096.
_FEWEST_BITS, _MOST_BITS = 1024, 4096
_BLOCK = re.compile(rb"-----BEGIN ((?:[A-Z]+ )*PRIVATE KEY)-----(%b)-----END \1-----" % BODY)
_OTHER_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]{1,40})-----")
# Characters (RFC 7468, 2).
_LINE = 64
_ENCRYPTED = re.compile(rb"BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED")
_INTEGER, _BITS, _OCTETS, _NULL, _OBJECT, _SEQUENCE = 0x02, 0x03, 0x04, 0x05, 0x06, 0x30
# 1.2.840.113549.1.1.1 and 1.3.101.112.
_RSA, _ED25519 = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", b"\x2b\x65\x70"
_SEED_BYTES = 32


@dataclass(frozen=True)
class RsaKey:
    """`pem` is as OpenSSL writes it: what it reads has its lines."""

    pem: bytes
    modulus: int
    exponent: int

    @property
    def for_rspamd(self) -> bytes:
        """The content of the file that rspamd reads."""
        return self.pem

    @property
    def record(self) -> str:
        """The text of its DNS record."""
        algorithm = der.element(_SEQUENCE, der.element(_OBJECT, _RSA), der.element(_NULL))
        numbers = der.element(_SEQUENCE, *map(_number, (self.modulus, self.exponent)))
        return _record("rsa", der.element(_SEQUENCE, algorithm, der.element(_BITS, b"\0", numbers)))


@dataclass(frozen=True)
class Ed25519Key:
    """`seed` is what it is made of."""

    seed: bytes

    @property
    def for_rspamd(self) -> bytes:
        """The content of the file that rspamd reads: it takes no such PEM."""
        return base64.b64encode(self.seed)

    @property
    def record(self) -> str:
        """The text of its DNS record."""
        return _record("ed25519", ed25519.public(self.seed))


PrivateKey: TypeAlias = RsaKey | Ed25519Key


class _Unusable(Exception):
    """Why the key cannot sign."""


def problem(content: bytes) -> str | None:
    """Why the content of a Secret is no key that can sign; None if it is one. Nothing of it is in the message."""
    try:
        read(content)
    except ValueError as error:
        return str(error)
    return None


def read(content: bytes) -> PrivateKey:
    """The key in PEM, maybe among other text. Raises ValueError with a sentence for the user."""
    try:
        return _read(content)
    except _Unusable as error:
        raise ValueError(str(error)) from None
    except (IndexError, ValueError, StopIteration):
        raise ValueError("the private key in it is damaged: create the Secret again from the file of the key") from None


def _read(content: bytes) -> PrivateKey:
    if _ENCRYPTED.search(content):
        raise _Unusable("the private key in it is encrypted: store it without a passphrase")
    found = _BLOCK.search(content)
    if found is None:
        raise _Unusable(_no_key(content))
    if found[1] not in _READERS:
        raise _Unusable(_OTHER_FORM if found[1] == b"OPENSSH PRIVATE KEY" else _OTHER_KIND)
    decoded = base64.b64decode(b"".join(found[2].split()), validate=True)
    ((_, body),) = der.elements(decoded)
    return _READERS[found[1]](body, _pem(found[1], decoded))


_OTHER_KIND = "the private key in it is neither RSA nor Ed25519"
_OTHER_FORM = "the private key in it has the form of OpenSSH: make one with openssl, as docs/dkim.md says"


def _no_key(content: bytes) -> str:
    other = _OTHER_BLOCK.search(content)
    holds = f", but {other[1].decode()}" if other else ""
    return f"it holds no private key as PEM, which begins with -----BEGIN PRIVATE KEY-----{holds}"


def _pem(kind: bytes, decoded: bytes) -> bytes:
    """RFC 7468, 2: OpenSSL reads no key on one line or with blanks before its lines."""
    text = base64.b64encode(decoded)
    lines = (text[at : at + _LINE] for at in range(0, len(text), _LINE))
    return b"\n".join((b"-----BEGIN %b-----" % kind, *lines, b"-----END %b-----" % kind, b""))


def _of_pkcs8(body: bytes, pem: bytes) -> PrivateKey:
    _version, (_, algorithm), (_, key), *_ = der.elements(body)
    (_, kind), *_ = der.elements(algorithm)
    ((tag, inner),) = der.elements(key) if kind in (_RSA, _ED25519) else [(0, b"")]
    if kind == _RSA:
        return _rsa(inner, pem)
    if kind != _ED25519:
        raise _Unusable(_OTHER_KIND)
    if tag != _OCTETS or len(inner) != _SEED_BYTES:
        raise ValueError
    return Ed25519Key(inner)


def _rsa(body: bytes, pem: bytes) -> RsaKey:
    """Its numbers belong together, so that what it signs its public half verifies."""
    numbers = [int.from_bytes(number, "big") for tag, number in der.elements(body) if tag == _INTEGER]
    _version, modulus, public, *_ = numbers
    bits = modulus.bit_length()
    # Only numbers of a size that may be used are calculated with: those of a megabyte would take minutes.
    if max(numbers) != modulus or (bits <= _MOST_BITS and not _belong_together(numbers)):
        raise ValueError
    if not _FEWEST_BITS <= bits <= _MOST_BITS:
        raise _Unusable(f"the RSA key in it has {bits} bits: others accept {_FEWEST_BITS} to {_MOST_BITS}; use 2048")
    return RsaKey(pem, modulus, public)


_READERS: dict[bytes, Callable[[bytes, bytes], PrivateKey]] = {b"PRIVATE KEY": _of_pkcs8, b"RSA PRIVATE KEY": _rsa}


def _belong_together(numbers: Sequence[int]) -> bool:
    """With those by which the private half is faster (the Chinese remainder theorem)."""
    _version, modulus, public, private, p, q, by_p, by_q, inverse = numbers
    if not (p > 1 and q > 1 and p * q == modulus):
        return False
    inverts = all(public * private % (prime - 1) == 1 for prime in (p, q))
    return inverts and (private % (p - 1), private % (q - 1), q * inverse % p) == (by_p, by_q, 1)


def _number(value: int) -> bytes:
    """With a zero before a first bit that would be a sign."""
    return der.element(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _record(kind: str, public: bytes) -> str:
    return f"v=DKIM1; k={kind}; p={base64.b64encode(public).decode()}"
