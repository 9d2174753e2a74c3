"""Which certificates are trusted. Postfix was asked about each with its posttls-finger, at the level `secure`."""

import asyncio
import json
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mailstack_operator.edge import watches
from mailstack_operator.edge.api_server import connect
from mailstack_operator.loop.port import File
from mailstack_probe import trust

NAME = "mail-dovecot.default.svc"
SAN = f"subjectAltName=DNS:{NAME}"
SERVER = ("-addext", "basicConstraints=critical,CA:FALSE")
USUAL = (*SERVER, "-addext", SAN)


def make(folder: Path, name: str, *flags: str, signer: str = "", key: str = "rsa:2048", subject: str = "") -> None:
    """NAME.crt and NAME.key as plain `openssl req -x509` makes them, with its defaults and no more."""
    signed = ("-CA", f"{signer}.crt", "-CAkey", f"{signer}.key") if signer else ()
    files = ("-keyout", f"{name}.key", "-out", f"{name}.crt")
    usual = ("-newkey", key, "-nodes", "-days", "30", "-subj", f"/CN={subject or name}")
    command = ("openssl", "req", "-x509", *usual, *signed, *files, *flags)
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("certificates")
    make(folder, "ca")  # no key usage, as openssl makes it
    make(folder, "weak-ca", key="rsa:1024")
    make(folder, "between", signer="ca")
    make(folder, "self-signed", "-addext", SAN)
    make(folder, "usual", *USUAL, signer="ca")
    make(folder, "of-weak-ca", *USUAL, signer="weak-ca")
    make(folder, "of-between", *USUAL, signer="between")
    make(folder, "by-common-name", *SERVER, signer="ca", subject=NAME)
    make(folder, "wildcard", *SERVER, "-addext", "subjectAltName=DNS:*.default.svc", signer="ca")
    make(folder, "part-of-a-label", *SERVER, "-addext", "subjectAltName=DNS:mail-*.default.svc", signer="ca")
    make(folder, "other-name", *SERVER, "-addext", "subjectAltName=DNS:other.svc", signer="ca", subject=NAME)
    make(folder, "for-clients", *USUAL, "-addext", "extendedKeyUsage=clientAuth", signer="ca")
    (folder / "of-between.crt").write_text(
        "".join((folder / f"{name}.crt").read_text() for name in ("of-between", "between"))
    )
    return folder


def handshake(client: ssl.SSLContext, folder: Path, name: str) -> str | None:
    """What the client has against the certificate of the server; None if nothing."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.set_ciphers("DEFAULT:@SECLEVEL=0")
    server.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(back, there, server_hostname=NAME)
    theirs = server.wrap_bio(there, back, server_side=True)
    for side in (ours, theirs, ours):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
    return None


TRUSTED = [
    *[("usual", "ca"), ("by-common-name", "ca"), ("wildcard", "ca"), ("of-between", "ca")],
    *[("self-signed", "self-signed"), ("of-weak-ca", "weak-ca")],
]
REFUSED = [
    *[("usual", "usual", "issuer"), ("of-between", "between", "issuer"), ("usual", "self-signed", "issuer")],
    *[("part-of-a-label", "ca", "not valid for"), ("other-name", "ca", "not valid for")],
    ("for-clients", "ca", "purpose"),
]


@pytest.mark.parametrize(("name", "authority"), TRUSTED)
def test_what_postfix_trusts_is_trusted(folder: Path, name: str, authority: str) -> None:
    assert handshake(trust.as_postfix(folder / f"{authority}.crt"), folder, name) is None


@pytest.mark.parametrize(("name", "authority", "words"), REFUSED)
def test_what_postfix_refuses_is_refused(folder: Path, name: str, authority: str, words: str) -> None:
    refusal = handshake(trust.as_postfix(folder / f"{authority}.crt"), folder, name)
    assert refusal is not None
    assert words in refusal


@pytest.fixture
def _python_3_13(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its defaults, as the operator's image has them."""
    usual = ssl.create_default_context

    def strict(*, cafile: Path | None = None, cadata: str | None = None) -> ssl.SSLContext:
        context = usual(cafile=cafile, cadata=cadata)
        context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)


@pytest.mark.usefixtures("_python_3_13")
def test_python_alone_refuses_a_ca_without_key_usage(folder: Path) -> None:
    """What would be seen without this module: if this fails, it can go."""
    assert "key usage" in (handshake(ssl.create_default_context(cafile=folder / "ca.crt"), folder, "usual") or "")


@pytest.mark.usefixtures("_python_3_13")
@pytest.mark.parametrize(("name", "authority"), [("usual", "ca"), ("of-between", "between")])
def test_the_api_server_is_trusted_as_by_kubectl(folder: Path, name: str, authority: str) -> None:
    """By the probe, which writes the status, and by Kopf."""
    file = folder / f"{authority}.crt"
    login = watches._Login(server="https://example.org", ca_path=file)
    assert handshake(trust.as_kubectl(file), folder, name) is None
    assert handshake(login.as_ssl_context(), folder, name) is None


@pytest.mark.usefixtures("_python_3_13")
def test_the_operator_trusts_the_api_server_as_kubectl_does(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(folder, "loopback", *SERVER, "-addext", "subjectAltName=IP:127.0.0.1", signer="ca")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "loopback.crt", folder / "loopback.key")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Nothing) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            monkeypatch.setattr(
                "kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION",
                _kubeconfig(tmp_path, server.server_address[1], folder / "ca.crt"),
            )
            assert asyncio.run(_secret()) is None
        finally:
            server.shutdown()
            thread.join()


class _Nothing(BaseHTTPRequestHandler):
    """An API server without any object."""

    def do_GET(self) -> None:
        body = json.dumps({"kind": "Status", "code": 404, "reason": "NotFound"}).encode()
        self.send_response(404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def _kubeconfig(folder: Path, port: int, authority: Path) -> str:
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(authority)}
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": cluster}],
        "users": [{"name": "me", "user": {"token": "t"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config))
    return str(path)


async def _secret() -> File | None:
    async with connect(10) as server:
        return await server.secret("post", "nosuch")
