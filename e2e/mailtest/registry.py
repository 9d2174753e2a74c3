"""A registry of the tests' own: Debian's docker-registry on this machine.

Docker and the nodes reach it as localhost, the only name that both ask without TLS.
"""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

from harness import apt, keys, paths, versions
from harness.shell import Log
from harness.step import Report, folder_step
from mailtest.command import run
from mailtest.wait import until

PROGRAM = paths.cache() / "docker-registry" / "usr/bin/docker-registry"
CONFIGURATION = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: ":{port}"}}
"""


@contextmanager
def serve(report: Report, folder: Path) -> Iterator[str]:
    """A registry that keeps its content in the folder; its name, such as localhost:40123."""
    report.run(folder_step("docker-registry", PROGRAM.parents[2], keys.of_texts(versions.DEBIAN), _unpack))
    port = _free_port()
    configuration = folder / "registry.yaml"
    configuration.write_text(CONFIGURATION.format(folder=folder / "content", port=port))
    with ExitStack() as stack, (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "serve", configuration], stdout=log, stderr=log)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        until("the registry answers", lambda: _answers(port), 20)
        for node in run("kind", "get", "nodes", f"--name={paths.CLUSTER}").split():
            stack.enter_context(_forwarded(node, port))
        yield f"localhost:{port}"


def _unpack(folder: Path, log: Log) -> None:
    apt.demand_root_on_debian("the tests need Debian's docker-registry", "run them there")
    apt.unpack("docker-registry", folder=folder, log=log)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/v2/", timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


@contextmanager
def _forwarded(node: str, port: int) -> Iterator[None]:
    """The port of the node's own localhost leads to this machine, which is the gateway of its network."""
    gateway = run("docker", "inspect", "--format={{.NetworkSettings.Networks.kind.Gateway}}", node).strip()
    listen, pid = f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr", f"/run/registry-{port}.pid"
    script = f"echo $$ > {pid} && exec socat {listen} TCP:{gateway}:{port}"
    run("docker", "exec", "--detach", node, "sh", "-c", script)
    try:
        ask = ("curl", "--silent", "--fail", "--max-time", "2", f"http://127.0.0.1:{port}/v2/")
        until(f"{node} reaches the registry", lambda: run("docker", "exec", node, *ask), 20)
        yield
    finally:
        run("docker", "exec", node, "sh", "-c", f"kill $(cat {pid}) && rm {pid}")
