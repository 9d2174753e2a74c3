"""Private keys for DKIM, as PEM: whether they can sign, and the form in which rspamd reads them. Pure.

Sources: RFC 8017, A.1.2 (RSAPrivateKey); RFC 5958 (PKCS #8); RFC 8410 (Ed25519); RFC 8301 and RFC 8463 (DKIM).
"""

import base64
import re
from collections.abc import Sequence

from mailstack_probe import der

# RFC 8301, 3.2: verifiers accept no less, and need not accept more than 4096.
_FEWEST_BITS, _MOST_BITS = 1024, 4096
_BLOCK = re.compile(rb"-----BEGIN ((?:[A-Z]+ )*PRIVATE KEY)-----(.+?)-----END \1-----", re.DOTALL)
_ENCRYPTED = re.compile(rb"BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED")
_INTEGER, _OCTETS = 0x02, 0x04
# 1.2.840.113549.1.1.1 and 1.3.101.112.
_RSA, _ED25519 = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", b"\x2b\x65\x70"
_SEED_BYTES = 32


class _Unusable(Exception):
    """Why the key cannot sign."""


def problem(content: bytes) -> str | None:
    """Why the content of a Secret is no key that can sign; None if it is one. Nothing of it is in the message."""
    try:
        for_rspamd(content)
    except ValueError as error:
        return str(error)
    return None


def for_rspamd(content: bytes) -> bytes:
    """RSA as PEM, without other text; of Ed25519 the seed in base64, because rspamd reads no such PEM.

    Raises ValueError with a sentence for the user.
    """
    try:
        return _converted(content)
    except _Unusable as error:
        raise ValueError(str(error)) from None
    except (IndexError, ValueError, StopIteration):
        raise ValueError("the private key in it is damaged") from None


def _converted(content: bytes) -> bytes:
    if _ENCRYPTED.search(content):
        raise _Unusable("the private key in it is encrypted: store it without a passphrase")
    found = _BLOCK.search(content)
    if found is None:
        raise _Unusable("it holds no private key as PEM, which begins with -----BEGIN PRIVATE KEY-----")
    decoded = base64.b64decode(b"".join(found[2].split()), validate=True)
    ((_, body),) = der.elements(decoded)
    if found[1] == b"PRIVATE KEY":
        return _of_pkcs8(body, found[0])
    if found[1] != b"RSA PRIVATE KEY":
        raise _Unusable(_OTHER_KIND)
    _prove_rsa(body)
    return found[0] + b"\n"


_OTHER_KIND = "the private key in it is neither RSA nor Ed25519"


def _of_pkcs8(body: bytes, block: bytes) -> bytes:
    _version, (_, algorithm), (_, key), *_ = der.elements(body)
    (_, kind), *_ = der.elements(algorithm)
    if kind == _RSA:
        ((_, inner),) = der.elements(key)
        _prove_rsa(inner)
        return block + b"\n"
    if kind == _ED25519:
        return base64.b64encode(_seed(key))
    raise _Unusable(_OTHER_KIND)


def _seed(key: bytes) -> bytes:
    ((tag, seed),) = der.elements(key)
    if tag != _OCTETS or len(seed) != _SEED_BYTES:
        raise ValueError
    return seed


def _prove_rsa(body: bytes) -> None:
    """Its numbers belong together, so that what it signs its public half verifies."""
    numbers = [int.from_bytes(number, "big") for tag, number in der.elements(body) if tag == _INTEGER]
    _version, modulus, public, private, *shortcut = numbers
    p, q, *_ = shortcut
    if not (p > 1 and q > 1 and p * q == modulus and _are_halves(public, private, shortcut)):
        raise ValueError
    if not _FEWEST_BITS <= (bits := modulus.bit_length()) <= _MOST_BITS:
        raise _Unusable(f"the RSA key in it has {bits} bits: others accept {_FEWEST_BITS} to {_MOST_BITS}; use 2048")


def _are_halves(public: int, private: int, shortcut: Sequence[int]) -> bool:
    """With the numbers by which the private half is faster (the Chinese remainder theorem)."""
    p, q, by_p, by_q, inverse = shortcut
    inverts = all(public * private % (prime - 1) == 1 for prime in (p, q))
    return inverts and (private % (p - 1), private % (q - 1), q * inverse % p) == (by_p, by_q, 1)
