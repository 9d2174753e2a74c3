"""Where the harness keeps things: all of it under one cache folder outside the checkout."""

import os
from pathlib import Path

USUAL_CLUSTER = "mailstack"
#: The cluster that this process means: another than the usual one stands beside it.
CLUSTER = os.environ.get("MAILSTACK_CLUSTER") or USUAL_CLUSTER
#: kind's name for the container that is the cluster's first node.
NODE = f"{CLUSTER}-control-plane"
#: How many more nodes it has: only tests that lose a node need any.
WORKERS = int(os.environ.get("MAILSTACK_WORKERS") or 0)


def repository() -> Path:
    """The checkout's root folder."""
    return Path(__file__).resolve().parents[2]


def data() -> Path:
    """The harness's inputs that are not Python: go.mod, Dockerfiles, kind's configuration."""
    return Path(__file__).resolve().parent / "data"


def cache() -> Path:
    """`$XDG_CACHE_HOME/mailstack`, or `~/.cache/mailstack`."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "mailstack"


def bin_folder() -> Path:
    """What belongs on a user's PATH: docker, kind, kubectl, helm, as far as the harness provides them."""
    return cache() / "bin"


def programs() -> Path:
    """One folder for each program built from Go modules."""
    return cache() / "programs"


def engine() -> Path:
    """The unpacked Docker engine, when the harness had to bring its own."""
    return cache() / "engine"


def logs() -> Path:
    """One log file for each step, of its latest run."""
    return cache() / "logs"


def scratch() -> Path:
    """Outputs in the making; a run that finds leftovers here removes them."""
    return cache() / "scratch"


def kubeconfig() -> Path:
    """The cluster's KUBECONFIG file."""
    return cache() / ("kubeconfig" if CLUSTER == USUAL_CLUSTER else f"kubeconfig-{CLUSTER}")


def shared() -> Path:
    """The folder that the cluster's workers share."""
    return cache() / f"shared-{CLUSTER}"


def docker_config() -> Path:
    """The Docker client's configuration that goes with the harness's own client: it holds buildx."""
    return cache() / "docker-config"


def variables() -> dict[str, str]:
    """What a shell needs to use the cluster: KUBECONFIG, PATH and, with the harness's client, DOCKER_CONFIG."""
    search = [str(bin_folder()), *os.environ.get("PATH", os.defpath).split(os.pathsep)]
    names = {"KUBECONFIG": str(kubeconfig()), "PATH": os.pathsep.join(dict.fromkeys(search))}
    own_client = (bin_folder() / "docker").exists()
    return names | ({"DOCKER_CONFIG": str(docker_config())} if own_client else {})


def link(place: Path, target: Path) -> None:
    """Make `place` a symbolic link to `target` at once, so that no one who uses it meanwhile finds it missing."""
    if place.is_symlink() and place.readlink() == target:
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    new = place.with_name(f".{place.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(place)


def environment() -> dict[str, str]:
    """The environment every command of the harness runs in."""
    return {**os.environ, **variables()}
