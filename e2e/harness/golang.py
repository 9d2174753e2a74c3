"""Programs built from Go modules: those of a node, and the tools where PATH has none recent enough."""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from harness import apt, keys, paths, shell, versions
from harness.errors import HarnessError
from harness.shell import Log
from harness.step import Report, Step, folder_step

BUILD_SECONDS = 3600
#: Debian 13's Go, unpacked where the machine has none. It fetches the newer toolchain that Kubernetes asks for by itself.
PACKAGES = ("golang-1.24-go", "golang-1.24-src")
#: The first Go that can fetch a newer toolchain.
SWITCHING = (1, 21)


@dataclass(frozen=True)
class Program:
    """A main package and the flags that tell it its version."""

    name: str
    package: str
    stamps: tuple[str, ...] = ()


def _of_kubernetes(name: str) -> Program:
    version = f"v{versions.KUBERNETES}"
    major, minor, _ = versions.KUBERNETES.split(".")
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean", "gitCommit": "unknown"}
    owners = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    stamps = tuple(f"{owner}.{field}={value}" for owner in owners for field, value in values.items())
    return Program(name, f"k8s.io/kubernetes/cmd/{name}", stamps)


#: In an order that builds what others share first.
KUBERNETES = tuple(
    _of_kubernetes(name)
    for name in ("kubectl", "kubeadm", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "kube-proxy", "kubelet")
)
COMPANIONS = (
    Program("etcd", "go.etcd.io/etcd/server/v3"),
    Program("coredns", "./coredns"),
    Program("pause", "./pause"),
)
TOOLS = (
    Program("kind", "sigs.k8s.io/kind"),
    Program("helm", "helm.sh/helm/v4/cmd/helm", (f"helm.sh/helm/v4/internal/version.version=v{versions.HELM}",)),
)
PROGRAMS = {program.name: program for program in (*KUBERNETES, *COMPANIONS, *TOOLS)}


def source() -> Path:
    """The Go module that pins every program and all they are made of."""
    return paths.data() / "programs"


def key(name: str) -> str:
    """The key of a program's inputs."""
    program = PROGRAMS[name]
    return keys.of_texts(keys.of_files(source()), program.package, *program.stamps)


def path(name: str) -> Path:
    """Where a built program is."""
    return paths.programs() / name / name


def ensure(report: Report, *names: str) -> None:
    """Build programs, those that are not built. Raises HarnessError."""
    if any(not is_built(name) for name in names):
        _ensure_go(report)
    for name in names:
        report.run(_step(name))


def is_built(name: str) -> bool:
    """Whether the cache holds the program of this key."""
    return path(name).is_file() and (path(name).parent / ".key").read_text() == key(name)


def module_folder(module: str, log: Log) -> Path:
    """The unpacked source of a pinned module. Raises CommandFailed."""
    shell.run(_go(), "mod", "download", module, cwd=source(), variables=_variables(), log=log)
    listing = ("list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module)
    return Path(shell.demand(_go(), *listing, cwd=source(), variables=_variables()))


def _step(name: str) -> Step:
    def fill(folder: Path, log: Log) -> None:
        flags = " ".join(["-s", "-w", *(f"-X {stamp}" for stamp in PROGRAMS[name].stamps)])
        shell.run(
            *(_go(), "build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", flags),
            *("-o", folder / name, PROGRAMS[name].package),
            log=log,
            timeout=BUILD_SECONDS,
            cwd=source(),
            variables=_variables(),
        )

    return folder_step(f"program {name}", path(name).parent, key(name), fill)


def _variables() -> dict[str, str]:
    """Static binaries; an older toolchain may fetch the one that go.mod asks for, a recent one stays."""
    recent = _version(_go()) >= _numbers(versions.GO)
    return {"CGO_ENABLED": "0", "GOFLAGS": "", "GOTOOLCHAIN": "local" if recent else f"go{versions.GO}+auto"}


def _go() -> Path:
    found = shutil.which("go", path=paths.environment()["PATH"])
    return Path(found) if found else _unpacked_go()


def _unpacked_go() -> Path:
    return paths.cache() / "go" / "usr/lib/go-1.24/bin/go"


def _ensure_go(report: Report) -> None:
    found = shutil.which("go")
    if found and _version(Path(found)) >= SWITCHING:
        return
    if found:
        raise HarnessError(f"{found} is too old: install Go {versions.GO} or newer, or take it off PATH")
    key = keys.of_texts(versions.DEBIAN, *PACKAGES)
    report.run(folder_step("go packages", paths.cache() / "go", key, _unpack_go))


def _unpack_go(folder: Path, log: Log) -> None:
    apt.demand_root_on_debian("Go is missing", f"install Go {versions.GO} or newer so that `go version` works")
    apt.unpack(*PACKAGES, folder=folder, log=log)


def _version(go: Path) -> tuple[int, ...]:
    """The toolchain's own version, as `GOTOOLCHAIN=local` has it; empty if it does not answer."""
    said = shell.ask(go, "env", "GOVERSION", cwd=Path(os.sep), variables={"GOTOOLCHAIN": "local"})
    return _numbers(said or "")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
