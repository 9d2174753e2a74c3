"""Whose certificates are trusted: for each server, what its other clients trust, no more and no less.

`ssl.create_default_context` of Python 3.13 differs from both: it refuses a CA without key usage, which Postfix and
kubectl accept (VERIFY_X509_STRICT), and accepts a chain that ends before a root, which Postfix refuses
(VERIFY_X509_PARTIAL_CHAIN).
"""

import ssl
from pathlib import Path


def as_postfix(authorities: Path) -> ssl.SSLContext:
    """As Postfix's `lmtp_tls_security_level = secure` with this file of CA certificates. Raises OSError.

    Source: postconf(5); SSL_set_security_level in Postfix's tls_client.c. Both take the common name of a certificate
    without alternative names.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("DEFAULT:@SECLEVEL=1")
    context.load_verify_locations(authorities)
    return context


def as_kubectl(authorities: Path) -> ssl.SSLContext:
    """The API server, with the cluster's CA certificates. Raises OSError."""
    context = ssl.create_default_context(cafile=authorities)
    loosen(context)
    return context


def loosen(context: ssl.SSLContext) -> None:
    """A cluster's CA need not have the extensions that RFC 5280 demands of a new one, as in Go."""
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def anybody() -> ssl.SSLContext:
    """TLS with any certificate: it is for the name that users connect to, and the sidecar checks it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
