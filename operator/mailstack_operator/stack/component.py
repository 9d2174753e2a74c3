"""Components: what is in a pod, and how a pod is assembled from them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from mailstack_operator.api.servers import HELPER_RESOURCES, Resources
from mailstack_operator.kube.objects import Json, Object, entries, text
from mailstack_operator.stack import containers
from mailstack_operator.stack.certificate import Certificate
from mailstack_operator.stack.ports import Port
from mailstack_probe.contract import ProbeOptions

# Each configuration file's name, and what renders it: a mount needs the name alone.
Files: TypeAlias = Mapping[str, Callable[[], str]]

# Longer than Postfix's drain and both servers' own stop.
_TERMINATION_GRACE_SECONDS = 45


@dataclass(frozen=True)
class Claim:
    """A volume that each pod of a StatefulSet has of its own and that outlives the pod. `size` as 1Gi."""

    name: str
    size: str
    storage_class: str | None = None


@dataclass(frozen=True)
class Asked:
    """What the probe must ask of a component.

    `options` sets them in the options of all components; where two set the same one, that nearer to the network wins.
    `mounts` are what the probe must see; `as_root` says whether it must start as root.
    """

    options: Callable[[ProbeOptions], ProbeOptions] = lambda options: options
    mounts: tuple[Object, ...] = ()
    as_root: bool = False


@dataclass(frozen=True)
class Component:
    """One part of a pod.

    `init` are the containers that prepare it, in their order; `main` is its server. `volumes` are the pod volumes that
    it brings, `claims` those of its StatefulSet. `files` become a ConfigMap, and the volume NAME-config. `ports` are
    those of the Service that people and other mail servers use. `objects` are further child objects. A component with
    `beside` is in the pod of the component of that name; any other has a StatefulSet of its own, with `replicas` pods.
    No server waits for one that is not `awaited`: it starts and stops with the pod's main container.

    A change of the files replaces the pods, unless the component has `restarts_for`: of what the files say, what its
    server takes only with a restart. All else it takes from the volume, while it runs. `follows` are further volumes,
    each of some files of Postfix, which does so. `sysctls` are for the network of its pod, by name.
    """

    name: str
    init: tuple[Object, ...] = ()
    main: Object | None = None
    volumes: tuple[Object, ...] = ()
    claims: tuple[Claim, ...] = ()
    files: Files = field(default_factory=dict)
    restarts_for: Callable[[], Mapping[str, str]] | None = None
    follows: Mapping[str, Sequence[str]] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    asked: Asked = Asked()
    objects: tuple[Object, ...] = ()
    beside: str = ""
    replicas: int = 1
    awaited: bool = True
    account: str = ""
    sysctls: Mapping[str, str] = field(default_factory=dict)


def config_name(stem: str, component: str) -> str:
    """The ConfigMap of a component's files; `stem` is the MailStack's name, or the rehearsal's."""
    return f"{stem}-{component}"


def without_state(component: Component) -> Component:
    """The component with empty volumes in place of all that outlives a pod."""
    claims = (containers.empty(claim.name) for claim in component.claims)
    volumes = (_emptied(volume) if "persistentVolumeClaim" in volume else volume for volume in component.volumes)
    return replace(component, claims=(), volumes=(*claims, *volumes))


def _emptied(volume: Object) -> Object:
    return containers.empty(text(volume, "name"))


def assemble(stem: str, components: Sequence[Component], helpers: Resources | None = None) -> Object:
    """The spec of a pod, from the component that the network asks to those behind it.

    Each component prepares in this order. The servers start in the opposite order, so that each finds those that it
    asks, and stop in this one: the first is the pod's main container, beside those that are not awaited; the others are
    native sidecars. Volumes are in the order of the components.

    Raises ValueError if a container mounts a volume that no component brings, if a volume is mounted by none, or if two
    components bring different ones of the same name.

    A container without resources is a helper; `helpers` are those that differ from the default of helpers.
    """
    servers, beside = _servers(components, awaited=True), _servers(components, awaited=False)
    main = [servers[0], *beside]
    init = [container for component in components for container in component.init]
    sidecars = [containers.sidecar(server) for server in reversed(servers[1:])]
    volumes = _volumes(stem, components)
    claims = {claim.name for component in components for claim in component.claims}
    _check_mounts([*init, *sidecars, *main], {*volumes, *claims})
    resources = containers.resources(helpers or Resources(), HELPER_RESOURCES)
    account = next((component.account for component in components if component.account), "")
    return {
        **({"serviceAccountName": account} if account else {}),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _TERMINATION_GRACE_SECONDS,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}, **_sysctls(components)},
        "initContainers": [_with_resources(one, resources) for one in (*init, *sidecars)],
        "containers": [_with_resources(one, resources) for one in main],
        "volumes": [*volumes.values()],
    }


def _servers(components: Iterable[Component], *, awaited: bool) -> list[Object]:
    return [component.main for component in components if component.main and component.awaited is awaited]


def _sysctls(components: Iterable[Component]) -> Object:
    found: list[Json] = [
        {"name": name, "value": value} for component in components for name, value in component.sysctls.items()
    ]
    return {"sysctls": found} if found else {}


def _with_resources(container: Object, default: Object) -> Object:
    return {**container, "resources": container.get("resources", default)}


def _volumes(stem: str, components: Iterable[Component]) -> dict[str, Object]:
    found: dict[str, Object] = {}
    for volume in (volume for component in components for volume in _brought(stem, component)):
        name = text(volume, "name")
        if found.setdefault(name, volume) != volume:
            raise ValueError(f"two components bring different volumes {name}")
    return found


def _brought(stem: str, component: Component) -> Iterator[Object]:
    yield from component.volumes
    if component.files:
        yield {"name": f"{component.name}-config", "configMap": {"name": config_name(stem, component.name)}}
    for volume, files in component.follows.items():
        items: list[Json] = [{"key": file, "path": file} for file in files]
        yield {"name": volume, "configMap": {"name": config_name(stem, "postfix"), "items": items}}


def _check_mounts(found: Iterable[Mapping[str, Json]], volumes: set[str]) -> None:
    mounted = {text(mount, "name"): text(one, "name") for one in found for mount in entries(one, "volumeMounts")}
    for volume, container in mounted.items():
        if volume not in volumes:
            raise ValueError(f"container {container} mounts {volume}, a volume that no component brings")
    if unused := volumes - set(mounted):
        raise ValueError(f"no container mounts {', '.join(sorted(unused))}")
