"""TLS of a client, as strict as the endpoint says, and the certificate that a server showed."""

import hashlib
import ssl

from mailtest.wire import Endpoint


def context(endpoint: Endpoint) -> ssl.SSLContext:
    if endpoint.ca:
        return ssl.create_default_context(cadata=endpoint.ca)
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    if endpoint.weak:
        _weaken(trusting, anonymous=endpoint.weak == "anonymous")
    return trusting


def _weaken(trusting: ssl.SSLContext, *, anonymous: bool) -> None:
    trusting.set_ciphers("aNULL:@SECLEVEL=0" if anonymous else "ALL:@SECLEVEL=0")
    trusting.minimum_version = ssl.TLSVersion.TLSv1
    trusting.maximum_version = ssl.TLSVersion.TLSv1_2 if anonymous else ssl.TLSVersion.TLSv1_1


def name(endpoint: Endpoint) -> str:
    """The name that the certificate must bear."""
    return endpoint.name or endpoint.host


def fingerprint(sock: object) -> str:
    """SHA-256 of the server's certificate in DER, in hex; "" on a connection without TLS."""
    der = sock.getpeercert(binary_form=True) if isinstance(sock, ssl.SSLSocket) else None
    return hashlib.sha256(der).hexdigest() if der else ""
