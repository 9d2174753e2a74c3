"""etcd and the API server alone, on loopback: no controllers, no nodes, so no pods."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness import golang, wait
from harness.errors import HarnessError
from harness.step import Report

TOKEN = "bench"
START_SECONDS = 120.0


@dataclass
class ControlPlane:
    """`folder` holds its data, certificates, kubeconfig and logs; `client` is etcd's port, `port` the API server's."""

    folder: Path
    client: int
    port: int
    etcd: int
    _server: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def certificate(self) -> Path:
        """What the API server made for itself."""
        return self.folder / "certificates" / "apiserver.crt"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def api_server(self) -> int:
        """The process, which must run."""
        assert self._server
        return self._server.pid

    def start_api_server(self) -> None:
        """Returns when its port is open. Raises HarnessError."""
        self._server = start(_api_server(self.folder, self.client, self.port), self.folder / "api-server.log")
        _await_port(self.port, self._server)

    def stop_api_server(self) -> None:
        """At once: by SIGTERM it waits for its watches. Its certificate and all that etcd has stay."""
        if self._server:
            self._server.kill()
            self._server.wait(60)


def ensure() -> None:
    """After this, the programs are built. Raises HarnessError."""
    golang.ensure(Report(), "etcd", "kube-apiserver")


@contextmanager
def control_plane(folder: Path) -> Iterator[ControlPlane]:
    """One with nothing in it. `folder` is on a disk or in memory; etcd does not wait for it either way."""
    client, peer, port = free_port(), free_port(), free_port()
    _prepare(folder)
    with running(_etcd(folder, client, peer), folder / "etcd.log") as etcd:
        _await_port(client, etcd)
        plane = ControlPlane(folder, client, port, etcd.pid)
        try:
            plane.start_api_server()
            plane.kubeconfig.write_text(_kubeconfig(plane))
            yield plane
        finally:
            plane.stop_api_server()


@contextmanager
def running(command: list[str], log: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program with its output in a file; ended in the end."""
    process = start(command, log, **variables)
    try:
        yield process
    finally:
        end(process)


def start(command: list[str], log: Path, **variables: str) -> subprocess.Popen[bytes]:
    """A program with its output in a file."""
    with log.open("ab") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, env=variables)


def end(process: subprocess.Popen[bytes]) -> None:
    """Waits for it."""
    process.terminate()
    process.wait(60)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _prepare(folder: Path) -> None:
    key = folder / "service-accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    (folder / "tokens").write_text(f'{TOKEN},bench,bench,"system:masters"\n')


def _etcd(folder: Path, client: int, peer: int) -> list[str]:
    return [
        str(golang.path("etcd")),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls=http://127.0.0.1:{client}",
        f"--advertise-client-urls=http://127.0.0.1:{client}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-cluster=default=http://127.0.0.1:{peer}",
        "--unsafe-no-fsync",
    ]


def _api_server(folder: Path, etcd: int, port: int) -> list[str]:
    key = folder / "service-accounts.key"
    return [
        str(golang.path("kube-apiserver")),
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'certificates'}",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.0.0.0/16",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-signing-key-file={key}",
        f"--service-account-key-file={key}",
        f"--token-auth-file={folder / 'tokens'}",
        "--authorization-mode=RBAC",
        # It waits for accounts that a controller would make.
        "--disable-admission-plugins=ServiceAccount",
    ]


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    def answers() -> bool:
        if process.poll() is not None:
            raise HarnessError(f"{process.args!r} ended with status {process.returncode}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    if not wait.until(answers, START_SECONDS):
        raise HarnessError(f"{process.args!r} does not listen on port {port}")


def _kubeconfig(plane: ControlPlane) -> str:
    return f"""\
apiVersion: v1
kind: Config
current-context: bench
clusters: [{{name: bench, cluster: {{server: "{plane.url}", certificate-authority: "{plane.certificate}"}}}}]
users: [{{name: bench, user: {{token: {TOKEN}}}}}]
contexts: [{{name: bench, context: {{cluster: bench, user: bench}}}}]
"""
