"""Certificates and keys for tests, made by the machine's openssl."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

_CONFIG = """
[req]
distinguished_name = name
[name]
[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = names
copy_extensions = copy
[names]
commonName = supplied
"""
EC = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")


@dataclass(frozen=True)
class Pair:
    """The contents of tls.crt and tls.key."""

    certificate: bytes
    key: bytes


def pair(
    *,
    start: timedelta = timedelta(days=-1),
    end: timedelta = timedelta(days=30),
    kind: tuple[str, ...] = EC,
    names: Sequence[str] = ("mail.example.org",),
) -> Pair:
    """A new key and a certificate of its own for these DNS names, valid from and to so long after now."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.joinpath("openssl.cnf").write_text(_CONFIG)
        folder.joinpath("index.txt").touch()
        request = ("req", "-config", "openssl.cnf", "-new", "-nodes", "-subj", "/CN=mail.example.org")
        alternatives = ",".join(f"DNS:{name}" for name in names)
        request = (*request, *(("-addext", f"subjectAltName={alternatives}") if names else ()))
        _openssl(folder, *request, "-newkey", *kind, "-keyout", "key", "-out", "request")
        sign = ("ca", "-config", "openssl.cnf", "-batch", "-selfsign", "-notext", "-keyfile", "key", "-in", "request")
        _openssl(folder, *sign, "-startdate", _time(start), "-enddate", _time(end), "-out", "certificate")
        return Pair(folder.joinpath("certificate").read_bytes(), folder.joinpath("key").read_bytes())


def encrypted(key: bytes, *words: str) -> bytes:
    """The key behind a passphrase; `words` is the openssl command that does it."""
    command = ("openssl", *words, "-passout", "pass:open sesame")
    return subprocess.run(command, input=key, capture_output=True, check=True, timeout=30).stdout


def _time(after: timedelta) -> str:
    return f"{datetime.now(UTC) + after:%Y%m%d%H%M%SZ}"


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(("openssl", *words), cwd=folder, capture_output=True, check=True, timeout=30)


def issued(*extensions: str) -> tuple[Pair, bytes]:
    """A certificate with these extensions, such as "subjectAltName=DNS:mail.example.org", and that of its issuer."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        new = ("req", "-x509", "-nodes", "-days", "30", "-newkey", *EC)
        _openssl(folder, *new, "-subj", "/CN=Authority", "-keyout", "ca.key", "-out", "ca")
        words = [word for extension in extensions for word in ("-addext", extension)]
        signed = (*new, "-subj", "/CN=mail.example.org", "-CA", "ca", "-CAkey", "ca.key", *words)
        _openssl(folder, *signed, "-keyout", "key", "-out", "certificate")
        pair = Pair(folder.joinpath("certificate").read_bytes(), folder.joinpath("key").read_bytes())
        return pair, folder.joinpath("ca").read_bytes()
