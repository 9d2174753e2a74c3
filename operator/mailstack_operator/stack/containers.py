"""Parts of containers and volumes, for any component.

The capabilities of each container were found by taking one away at a time; docs/architecture.md tells what breaks
without each.
"""

from collections.abc import Iterable, Mapping

from mailstack_operator.api.servers import ResourceAmounts, Resources
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.kube.quantity import amount
from mailstack_operator.stack import script
from mailstack_operator.stack.ports import Port

# Any user but root will do.
SIDECAR_USER = 65532

# A sidecar reads its Secrets as an unprivileged user; no other container mounts them.
WORLD_READABLE = 0o444
ROOT_READABLE = 0o400


def container(name: str, image: str) -> Object:
    # A container that fails leaves its last log lines in the pod's status, where the operator reads them.
    return {"name": name, "image": image, "terminationMessagePolicy": "FallbackToLogsOnError"}


def sidecar(container: Object) -> Object:
    """The container as a native sidecar: it starts before those after it, and outlives them."""
    return {**container, "restartPolicy": "Always"}


def helper(name: str, image: str, program: str, arguments: Iterable[str], targets: Iterable[str]) -> Object:
    """A sidecar of the operator's image; the containers after it start when its files are there."""
    return {
        **sidecar(container(name, image)),
        "command": ["python3", "-m", program],
        "args": [*arguments],
        "startupProbe": {**files_exist_probe(targets), "periodSeconds": 1, "failureThreshold": 60},
    }


def environment(values: Mapping[str, str], *others: Object) -> Object:
    """`others` are variables that have their values from elsewhere."""
    given: list[Json] = [{"name": name, "value": value} for name, value in values.items()]
    entries = [*given, *others]
    return {"env": entries} if entries else {}


def from_field(name: str, path: str) -> Object:
    """A variable that has the value of a field of the pod."""
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


# Who writes to a volume, for a pod that has to wait for it.
WHERE = (from_field("POD_NAME", "metadata.name"), from_field("NODE_NAME", "spec.nodeName"))


def ports(ports: Iterable[Port]) -> list[Json]:
    return [{"name": port.name, "containerPort": port.container, "protocol": "TCP"} for port in ports]


def listens_probe(port: str) -> Object:
    """The server listens within a minute; looked at each second, and never again once it does."""
    return {"tcpSocket": {"port": port}, "periodSeconds": 1, "failureThreshold": 60}


def files_exist_probe(files: Iterable[str]) -> Object:
    return {"exec": {"command": script.command("scripts/files_exist.sh", *files)}}


def capabilities(*added: str) -> Object:
    """A security context with these capabilities and no other."""
    dropped: Object = {"drop": ["ALL"]}
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {**dropped, "add": list(added)} if added else dropped,
    }


def ordinary_user(uid: int, gid: int | None = None) -> Object:
    """No capability and no root; the group is of the same number unless another is given."""
    return {**capabilities(), "runAsNonRoot": True, "runAsUser": uid, "runAsGroup": uid if gid is None else gid}


def resources(wanted: Resources, default: Resources) -> Object:
    """Requests and limits of both resources: a namespace with a quota admits no container without them.

    A default gives way to what is wanted, so that no request exceeds its limit. A limit of 0 beside a request is left
    out, because the API server compares the two.
    """
    pairs = {name: _pair(wanted, default, name) for name in ("cpu", "memory")}
    return {
        "requests": {name: request for name, (request, _) in pairs.items()},
        "limits": {name: limit for name, (request, limit) in pairs.items() if amount(limit) or not amount(request)},
    }


def _pair(wanted: Resources, default: Resources, name: str) -> tuple[str, str]:
    """Request and limit."""
    request, limit = _amount(wanted.requests, name), _amount(wanted.limits, name)
    ceiling = limit or max(_amount(default.limits, name), request or "0", key=amount)
    return request or min(_amount(default.requests, name), ceiling, key=amount), ceiling


def _amount(amounts: ResourceAmounts, name: str) -> str:
    """Empty where there is none."""
    return (amounts.cpu if name == "cpu" else amounts.memory) or ""


def pull_secrets(names: Iterable[str]) -> Object:
    """The field of a pod, each name once; nothing where there is none."""
    found: list[Json] = [{"name": name} for name in dict.fromkeys(names)]
    return {"imagePullSecrets": found} if found else {}


def mount(volume: str, path: str, *, read_only: bool = False, sub_path: str | None = None) -> Object:
    entry: Object = {"name": volume, "mountPath": path}
    if sub_path is not None:
        entry["subPath"] = sub_path
    if read_only:
        entry["readOnly"] = True
    return entry


def file_mounts(volume: str, folder: str, files: Iterable[str]) -> list[Json]:
    """File by file: a folder over the image's own would hide what else is in it, such as dynamicmaps.cf, and a
    file mounted so never changes in a running pod."""
    return [mount(volume, f"{folder}/{name}", read_only=True, sub_path=name) for name in files]


def empty(volume: str) -> Object:
    """A volume that lives with the pod."""
    return {"name": volume, "emptyDir": {}}


def secret(volume: str, secret: str, keys: Iterable[str], mode: int) -> Object:
    items: list[Json] = [{"key": key, "path": key} for key in keys]
    return {"name": volume, "secret": {"secretName": secret, "items": items, "defaultMode": mode}}
