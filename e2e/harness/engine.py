"""The Docker engine: the one that answers, else one started here from Debian's packages."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from harness import apt, keys, paths, shell, versions, wait
from harness.errors import HarnessError
from harness.shell import Log
from harness.step import Report, Step, folder_step

#: Debian 13's engine with the machine's own runc: Debian 12's engine cannot run privileged containers where
#: CAP_SYS_RESOURCE is missing.
PACKAGES = ("docker.io", "docker-cli", "docker-buildx", "containerd")
MACHINE_PACKAGES = ("runc", "iptables", "pigz")
START_SECONDS = 60.0
STOP_SECONDS = 60.0


def ensure(report: Report) -> None:
    """After this, `docker` answers. Raises HarnessError when that cannot be brought about."""
    if _answers() and not is_own():
        report.note("engine (of this machine)", "found")
        return
    key = keys.of_texts(versions.DEBIAN, *PACKAGES)
    report.run(folder_step("engine packages", paths.engine(), key, _unpack))
    _offer_client()
    report.run(Step("engine", _answers, _start))


def is_own() -> bool:
    """Whether the engine that the harness started is running."""
    return _own_process() is not None


def stop() -> bool:
    """Stop the engine that the harness started; False when there is none. Raises HarnessError if it does not end."""
    process = _own_process()
    if process is None:
        return False
    os.kill(process, signal.SIGTERM)
    _demand_end()
    return True


def mtu(routes: Path = Path("/proc/net/route"), devices: Path = Path("/sys/class/net")) -> int:
    """The MTU of the default route's device: containers with a larger one lose packets. 1500 if there is no route."""
    for line in routes.read_text().splitlines()[1:]:
        device, destination, *_ = line.split()
        if destination == "00000000":
            return int((devices / device / "mtu").read_text())
    return 1500


def _answers() -> bool:
    return bool(shell.ask("docker", "info", "--format", "{{.ServerVersion}}"))


def _unpack(folder: Path, log: Log) -> None:
    apt.demand_root_on_debian(
        "no Docker engine answers",
        "install Docker with its buildx plugin, start it, and see that `docker info` answers",
    )
    apt.unpack(*PACKAGES, folder=folder, log=log)


def _offer_client() -> None:
    """Put the engine's own client on PATH; it finds buildx only in a cli-plugins folder."""
    usr = paths.engine() / "usr"
    paths.link(
        paths.docker_config() / "cli-plugins" / "docker-buildx",
        usr / "libexec/docker/cli-plugins/docker-buildx",
    )
    paths.link(paths.bin_folder() / "docker", usr / "bin/docker")


def _start(log: Log) -> None:
    apt.install(*MACHINE_PACKAGES, log=log)
    _demand_end()  # one that is shutting down stops its containers first, and its containerd last
    _pid_file().unlink(missing_ok=True)
    process = _spawn()
    log.note(f"dockerd is process {process.pid}, its log is {_log_file()}")
    wait.until(lambda: _answers() or process.poll() is not None, START_SECONDS)
    if process.poll() is not None or not _answers():
        for line in Log(_log_file()).tail():
            log.note(line)
        trouble = "does not answer" if process.poll() is None else f"ended with status {process.returncode}"
        raise HarnessError(f"dockerd {trouble}{_foreign_host()}")


def _demand_end() -> None:
    """Wait for the harness's engine to end. Raises HarnessError if it does not."""
    if not wait.until(lambda: not is_own(), STOP_SECONDS):
        process = _own_process()
        raise HarnessError(f"dockerd (process {process}) neither answers nor ends: end it, its log is {_log_file()}")


def _spawn() -> "subprocess.Popen[bytes]":
    """Start dockerd in a session of its own, so that it outlives the make that started it."""
    places = ("--data-root", paths.cache() / "docker", "--pidfile", _pid_file())
    _log_file().unlink(missing_ok=True)
    with _log_file().open("ab") as output:
        return subprocess.Popen(
            ["dockerd", *places, "--mtu", str(mtu())],
            executable=shutil.which("dockerd", path=_engine_path()),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=paths.environment() | {"PATH": _engine_path()},
            start_new_session=True,
        )


def _engine_path() -> str:
    """PATH for dockerd: its own companions first, then the machine's runc and iptables."""
    usr = paths.engine() / "usr"
    return os.pathsep.join([f"{usr}/sbin", f"{usr}/bin", paths.environment()["PATH"], "/usr/sbin", "/sbin"])


def _foreign_host() -> str:
    """A hint where the client looks elsewhere than the engine started here listens."""
    host = os.environ.get("DOCKER_HOST")
    return f": DOCKER_HOST is {host}, where nothing answers; unset it or start that engine" if host else ""


def _own_process() -> int | None:
    """The process id of the dockerd that the harness started, if it lives."""
    try:
        process = int(_pid_file().read_text())
        program = Path(f"/proc/{process}/cmdline").read_text().partition("\0")[0]
    except (OSError, ValueError):
        return None
    return process if program.endswith("dockerd") else None


def _pid_file() -> Path:
    return paths.cache() / "dockerd.pid"


def _log_file() -> Path:
    return paths.cache() / "dockerd.log"
