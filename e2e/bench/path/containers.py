"""Containers of the Docker engine that share a network as those of a pod do."""

import signal
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import process
from harness import shell, wait
from harness.errors import HarnessError

# Seconds.
START = 60.0


@dataclass(frozen=True)
class Container:
    """What `docker run` is given: options, the image, and its command, of which the first word is the program."""

    name: str
    image: str
    command: Sequence[str]
    options: Sequence[str] = ()


@dataclass
class Pod:
    """`options` go with every container; `address` is of the network, where port 25 listens in the end."""

    name: str
    options: Sequence[str]
    address: str
    running: list[str] = field(default_factory=list)

    def run(self, container: Container) -> None:
        """Until it ends. Raises HarnessError."""
        self._docker("run", "--rm", *self._words(container))

    def start(self, container: Container) -> None:
        """In the background; it is removed with the pod. Raises HarnessError."""
        self._docker("run", "--detach", f"--name={self.name}-{container.name}", *self._words(container))
        self.running.append(container.name)

    def succeeds(self, name: str, *command: str) -> bool:
        """Whether a command does, in a container that runs."""
        return shell.ask("docker", "exec", f"{self.name}-{name}", *command) is not None

    def await_success(self, name: str, *command: str) -> None:
        """Raises HarnessError."""
        if not wait.until(lambda: self.succeeds(name, *command), START):
            raise HarnessError(f"{name} did not start: see docker logs {self.name}-{name}")

    def cpu_seconds(self, *names: str) -> float:
        """What these containers have used."""
        return sum(_cpu_seconds(int(self._inspect("{{.State.Pid}}", name))) for name in names)

    def memory(self, name: str) -> int:
        """Bytes of its processes, with what is shared divided by its users: Pss of proc_pid_smaps(5)."""
        return sum(_pss(pid) for pid in self._pids(name))

    def _pids(self, name: str) -> list[int]:
        listed = shell.demand("docker", "top", f"{self.name}-{name}", "-eo", "pid").splitlines()[1:]
        return [int(each) for each in listed]

    def restart(self, name: str) -> None:
        """At once. Raises HarnessError."""
        self._docker("restart", "--time=10", f"{self.name}-{name}")

    def log_lines(self, name: str) -> int:
        """How many lines it has written."""
        return len(Path(self._inspect("{{.LogPath}}", name)).read_bytes().splitlines())

    def end(self) -> None:
        """Removes what was started."""
        _remove(*(f"{self.name}-{each}" for each in self.running))

    def _inspect(self, form: str, name: str) -> str:
        return shell.demand("docker", "inspect", f"--format={form}", f"{self.name}-{name}")

    def _words(self, container: Container) -> list[str]:
        program, *arguments = container.command
        shared = (f"--network=container:{self.name}", *self.options, *container.options)
        return [*shared, f"--entrypoint={program}", container.image, *arguments]

    @staticmethod
    def _docker(*words: str) -> None:
        shell.demand("docker", *words, timeout=120)


@contextmanager
def pod(
    image: str, options: Sequence[str] = (), hosts: Mapping[str, str] | None = None, network: Sequence[str] = ()
) -> Iterator[Pod]:
    """A network of its own, which a container of the image holds; everything is removed in the end.

    `hosts` are addresses by name, `network` options for the container that holds it.
    """
    name = f"mailstack-bench-{uuid.uuid4().hex[:8]}"
    with ExitStack() as ended:
        known = [*network, *(f"--add-host={host}:{address}" for host, address in (hosts or {}).items())]
        holder = ("run", "--detach", f"--name={name}", *known, *options, "--entrypoint=sleep", image, "infinity")
        shell.demand("docker", *holder, timeout=120)
        ended.callback(_remove, name)
        address = shell.demand("docker", "inspect", "--format={{.NetworkSettings.IPAddress}}", name)
        made = Pod(name, options, address)
        ended.callback(made.end)
        yield made


def end_with_this() -> None:
    """Containers are removed when this process is told to end, too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def cgroup(parent: str | None) -> list[str]:
    """Options for containers of this control group; None: the engine's own."""
    return [f"--cgroup-parent={parent}"] if parent else []


def _remove(*names: str) -> None:
    shell.ask("docker", "rm", "--force", "--volumes", *names, timeout=60)


def _pss(pid: int) -> int:
    return int(process.pss_megabytes(pid) * 1024**2)


def _cpu_seconds(pid: int) -> float:
    """Of the control group of a process, with all that ended in it: cgroups(7)."""
    lines = [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    for _, controllers, path in lines:
        usage = Path(f"/sys/fs/cgroup/cpuacct{path}/cpuacct.usage")
        if "cpuacct" in controllers.split(",") and usage.exists():
            return int(usage.read_text()) / 1e9
    unified = next(path for number, _, path in lines if number == "0")
    first = Path(f"/sys/fs/cgroup{unified}/cpu.stat").read_text().split("\n", 1)[0]
    return int(first.removeprefix("usage_usec ")) / 1e6
