"""Whether Postfix and Dovecot can use a certificate, a key or a CA that a Secret holds.

No I/O but the clock: OpenSSL reads from memory, and no file with a key in it is ever made. Everything is PEM
(RFC 7468), as in a Secret of the type kubernetes.io/tls.
"""

import contextlib
import os
import re
import ssl
from datetime import UTC, datetime
from typing import NoReturn

from mailstack_probe import der

# What is between BEGIN and END: no other of them, or each BEGIN without an END would cost a search of all the rest.
BODY = rb"(?:[^-]++|-(?!----))++"
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----%b-----END CERTIFICATE-----" % BODY)
_KEY = re.compile(rb"-----BEGIN ((?:[A-Z]+ )*PRIVATE KEY)-----%b-----END \1-----" % BODY)
# OpenSSL's messages for a key of another certificate: of the same kind, or of another.
_FOREIGN_KEY = {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"}
_FOREIGN = "the key does not belong to the certificate"
# Its messages for a key that neither side has a signature for by itself, such as one on secp256k1 or brainpoolP256r1.
_UNUSUAL_KEY = {"NO_SHARED_CIPHER", "NO_SUITABLE_SIGNATURE_ALGORITHM"}
# rsaEncryption, prime256v1, secp384r1 and secp521r1 as object identifiers in DER: with these, no handshake is needed.
_USUAL_KEY = re.compile(
    rb"\x06(\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01|\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
    rb"|\x05\x2b\x81\x04\x00[\x22\x23])"
)

# Names of a certificate that a message lists.
_SHOWN = 5


class _Encrypted(Exception):
    """The key asks for a passphrase."""


def problem(certificate: bytes, key: bytes) -> str | None:
    """What keeps every server from using tls.crt and tls.key; None if nothing does.

    `certificate` is the server's, with its chain behind it. Its dates and names do not matter: servers load it anyway,
    and a certificate that clients refuse does less harm than a server that is down.
    """
    if reason := _unreadable(certificate, "tls.crt"):
        return reason
    if not _KEY.search(key):
        return "tls.key holds no private key in PEM form"
    wrong = _misfit(bundle(certificate, key))
    return f"{wrong}{_whose(certificate, key)}" if wrong == _FOREIGN else wrong


def _whose(certificate: bytes, key: bytes) -> str:
    """Which certificate of the chain the key belongs to, if one is not in its place."""
    for number, block in enumerate(_CERTIFICATE.findall(certificate)[:_SHOWN], 1):
        if _misfit(bundle(block, key)) is None:
            return f", the first one of tls.crt, but to number {number}: put that first, and its issuers behind it"
    return ""


def authority_problem(certificates: bytes) -> str | None:
    """What keeps the servers from using a CA file, which holds one certificate or more; None if nothing does."""
    return _unreadable(certificates, "it")


def bundle(certificate: bytes, key: bytes) -> bytes:
    """Key and chain in one file, key first, as Postfix wants it; without any other text that the two may hold."""
    found = _KEY.search(key)
    return _lines([found.group()] if found else [], _CERTIFICATE.findall(certificate))


def authorities(certificates: bytes) -> bytes:
    """A CA file without any other text that it may hold."""
    return _lines(_CERTIFICATE.findall(certificates))


def other_names(certificate: bytes, host: str) -> str | None:
    """What is wrong with the names that the first certificate is for: none is `host` (RFC 9525, 6.3); None if one is,
    or if the certificate cannot be read."""
    try:
        names = der.dns_names(_first(certificate))
    except Exception:
        return None
    if any(_matches(name.lower(), host.lower()) for name in names):
        return None
    if not names:
        return f"the certificate names no host (subjectAltName), and so not {host}"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"the certificate is for {', '.join(names[:_SHOWN])}{more}, and not for {host}"


def missing_issuer(certificate: bytes) -> str | None:
    """Why most clients cannot find the way from the first certificate to an authority: its issuer's is not behind it.
    None if it is, if it need not be, as with an authority of one's own, or if the certificate cannot be read."""
    try:
        first, *chain = [ssl.PEM_cert_to_DER_cert(_ascii(block)) for block in _CERTIFICATE.findall(certificate)]
        issuer, subject = der.issuer_and_subject(first)
        subjects = {subject, *(der.issuer_and_subject(each)[1] for each in chain)}
        lacks = issuer not in subjects and der.names_its_issuer(first)
    except Exception:
        return None
    return "the certificate of its issuer is not behind the server's own" if lacks else None


def _matches(name: str, host: str) -> bool:
    """A wildcard is the whole first label, and stands for one."""
    return name == host or (name.startswith("*.") and name[1:] == f".{host.partition('.')[2]}")


def expiry(certificate: bytes) -> datetime | None:
    """When the first certificate expires, in UTC; None if it cannot be read."""
    return None if _unreadable(certificate, "") else _validity(certificate)[1]


def _unreadable(certificates: bytes, name: str) -> str | None:
    blocks = _CERTIFICATE.findall(certificates)
    if not blocks:
        return f"{name} holds no certificate in PEM form"
    if len(blocks) != certificates.count(b"-----BEGIN CERTIFICATE-----"):
        return f"{name} ends in the middle of a certificate"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=_ascii(_lines(blocks)))
    except ssl.SSLError as error:
        return f"{name} holds a certificate that cannot be read ({_words(error)})"
    return None


def _misfit(both: bytes) -> str | None:
    """What OpenSSL has against the key and the chain."""
    memory = os.memfd_create("tls.pem")
    # A context of its own: what an earlier pair left in it would mix with this one.
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        os.write(memory, both)
        server.load_cert_chain(f"/proc/self/fd/{memory}", password=_refuse)
        if not _USUAL_KEY.search(_first(both)):
            _greet(server)
    except _Encrypted:
        return "the key in tls.key is encrypted: store it without a passphrase"
    except ssl.SSLError as error:
        if error.reason in _FOREIGN_KEY:
            return _FOREIGN
        if error.reason in _UNUSUAL_KEY:
            return "no client can use a key of this kind: make one of RSA with 2048 bits or more, or of P-256"
        return f"OpenSSL does not take the key and the certificate ({_words(error)})"
    finally:
        os.close(memory)
    return None


def _greet(server: ssl.SSLContext) -> None:
    """A handshake with a client of OpenSSL's own choices. Raises SSLError without one, whatever OpenSSL could load."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    sent, answered = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = client.wrap_bio(answered, sent), server.wrap_bio(sent, answered, server_side=True)
    # Each of the two has two turns.
    for side in sides * 2:
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()


def _refuse() -> NoReturn:
    """Replaces OpenSSL's prompt on the terminal."""
    raise _Encrypted


def out_of_date(certificate: bytes) -> str | None:
    """What is wrong with the time in which the first certificate is valid; None if it is now, or cannot be read."""
    try:
        first, last = _validity(certificate)
    # The servers can use what OpenSSL reads, whatever this reader makes of it.
    except Exception:
        return None
    now = datetime.now(UTC)
    if now > last:
        return f"the certificate expired on {last:%Y-%m-%d at %H:%M:%S} UTC"
    if now < first:
        return f"the certificate is valid only from {first:%Y-%m-%d at %H:%M:%S} UTC"
    return None


def _validity(certificate: bytes) -> tuple[datetime, datetime]:
    return der.validity(_first(certificate))


def _first(certificate: bytes) -> bytes:
    """The first certificate in DER form."""
    first: bytes = _CERTIFICATE.findall(certificate)[0]
    return ssl.PEM_cert_to_DER_cert(_ascii(first))


def _lines(*blocks: list[bytes]) -> bytes:
    return b"".join(block + b"\n" for part in blocks for block in part)


def _ascii(text: bytes) -> str:
    """Text for OpenSSL; what is not ASCII becomes what is not base64 either."""
    return text.decode("ascii", "backslashreplace")


def _words(error: ssl.SSLError) -> str:
    """OpenSSL's reason in plain English."""
    return error.reason.replace("_", " ").lower() if error.reason else str(error.args[-1])
