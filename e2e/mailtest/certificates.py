"""Certificates for tests: an authority, and what it signs. `openssl` makes them."""

import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path

from mailtest.command import run

DAYS = 30
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")

# A client as strict as Python's asks for all of these.
_EXTENSIONS = """\
[req]
distinguished_name = none
[none]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


@dataclass(frozen=True)
class Certificate:
    """A server's certificate, its key and the CA that signed it, each in PEM."""

    chain: str
    key: str
    ca: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate in DER, in hex."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.chain)).hexdigest()


@dataclass(frozen=True)
class Authority:
    """A CA whose files are in `folder`; make it with `found`."""

    folder: Path

    @property
    def pem(self) -> str:
        return (self.folder / "ca.crt").read_text()

    @property
    def _signed(self) -> tuple[str, ...]:
        return ("-CA", str(self.folder / "ca.crt"), "-CAkey", str(self.folder / "ca.key"))

    def issue(self, *names: str) -> Certificate:
        """A new certificate, with a new key, for these DNS names."""
        alternatives = ", ".join(f"DNS:{name}" for name in names)
        chain, key = _make(self.folder, "server", alternatives, *self._signed)
        return Certificate(chain, key, self.pem)

    def issue_expired(self, *names: str) -> Certificate:
        """As `issue`, but it expired yesterday."""
        issued = self.issue(*names)
        config, key = str(self.folder / "server.cnf"), str(self.folder / "server.key")
        extensions = ("-extfile", config, "-extensions", "server", "-days", "-1")
        request = run("openssl", "req", "-new", "-config", config, "-subj", "/CN=expired", "-key", key)
        chain = run("openssl", "x509", "-req", *self._signed, "-CAcreateserial", *extensions, stdin=request)
        return Certificate(chain, issued.key, self.pem)


def found(folder: Path) -> Authority:
    """A new CA, with its files in `folder`, which exists."""
    _make(folder, "ca", "DNS:unused.example.org")
    return Authority(folder)


def _make(folder: Path, kind: str, names: str, *flags: str) -> tuple[str, str]:
    """A certificate and its key, in PEM; `kind` is a section of the configuration and the name of the files."""
    config, certificate, key = (folder / f"{kind}.{ending}" for ending in ("cnf", "crt", "key"))
    config.write_text(_EXTENSIONS.format(names=names))
    subject = ("-subj", f"/CN=mailstack e2e {kind}", "-days", str(DAYS))
    files = ("-config", str(config), "-extensions", kind, "-out", str(certificate), "-keyout", str(key))
    run("openssl", "req", "-x509", *_NEW_KEY, *subject, *files, *flags)
    return certificate.read_text(), key.read_text()
