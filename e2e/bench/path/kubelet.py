"""What a kubelet makes of a StatefulSet of the operator, as far as mail needs it: every container but the probe.

Mounts, environment, capabilities, limits and the order of a start are the pod's own. The probe is left out, because it
reports to an API server; so are the liveness probes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.path.containers import Container, Pod
from mailstack_operator.kube.objects import Json, Object, entries, section, text

Data = Mapping[str, Mapping[str, str]]

_ANNOTATION = re.compile(r"^metadata\.annotations\['(.*)'\]$")


@dataclass(frozen=True)
class Starting(Container):
    """`ends`: the pod's start waits for its end; else, if there is a command `startup`, until that succeeds."""

    ends: bool = False
    startup: Sequence[str] = ()

    def begin(self, pod: Pod) -> None:
        """Raises HarnessError."""
        if self.ends:
            pod.run(self)
            return
        pod.start(self)
        if self.startup:
            pod.await_success(self.name, *self.startup)


def start(pod: Pod, stateful_set: Object, data: Data, folder: Path) -> None:
    """`data` are the files of each ConfigMap and Secret, `folder` holds the volumes. Raises HarnessError."""
    _make_volumes(stateful_set, data, folder)
    for container in containers(stateful_set, folder):
        container.begin(pod)


def containers(stateful_set: Object, folder: Path) -> Iterator[Starting]:
    """In the order of their start."""
    template = section(stateful_set, "spec", "template")
    spec, annotations = section(template, "spec"), section(template, "metadata", "annotations")
    init = entries(spec, "initContainers")
    for described in [*init, *entries(spec, "containers")]:
        if described["name"] != "probe":
            ends = described in init and described.get("restartPolicy") != "Always"
            startup = _words(section(described, "startupProbe", "exec").get("command"))
            yield Starting(*_container(described, annotations, folder), ends=ends, startup=startup)


def _container(
    described: Mapping[str, Json], annotations: Mapping[str, Json], folder: Path
) -> tuple[str, str, list[str], list[str]]:
    command = [*_words(described["command"]), *_words(described.get("args"))]
    options = [
        *(f"--env={text(each, 'name')}={_value(each, annotations)}" for each in entries(described, "env")),
        *(f"--volume={_mount(each, folder)}" for each in entries(described, "volumeMounts")),
        *_security(section(described, "securityContext")),
        *_limits(section(described, "resources", "limits")),
    ]
    return text(described, "name"), text(described, "image"), command, options


def _words(value: Json) -> list[str]:
    """Kubernetes makes `$` of `$$`: Container v1 core, command."""
    return [str(each).replace("$$", "$") for each in value] if isinstance(value, list) else []


def _value(variable: Mapping[str, Json], annotations: Mapping[str, Json]) -> str:
    field = text(section(variable, "valueFrom", "fieldRef"), "fieldPath")
    found = _ANNOTATION.match(field)
    return text(annotations, found[1]) if found else text(variable, "value")


def _mount(described: Mapping[str, Json], folder: Path) -> str:
    source = folder / text(described, "name") / text(described, "subPath")
    return f"{source}:{text(described, 'mountPath')}{':ro' if described.get('readOnly') else ''}"


def _security(context: Mapping[str, Json]) -> Iterator[str]:
    yield "--security-opt=no-new-privileges"
    yield "--cap-drop=ALL"
    capabilities = section(context, "capabilities").get("add")
    yield from (f"--cap-add={each}" for each in _words(capabilities))
    if context.get("readOnlyRootFilesystem"):
        yield "--read-only"
    if "runAsUser" in context:
        yield f"--user={context['runAsUser']}:{context.get('runAsGroup', 0)}"


def _limits(limits: Mapping[str, Json]) -> Iterator[str]:
    processors, memory = text(limits, "cpu"), text(limits, "memory")
    if processors:
        yield f"--cpus={int(processors[:-1]) / 1000 if processors.endswith('m') else int(processors)}"
    if memory:
        yield f"--memory={memory.removesuffix('i').lower()}"


def _make_volumes(stateful_set: Object, data: Data, folder: Path) -> None:
    """Volumes that are written may be by anybody, as those of a kubelet."""
    spec = section(stateful_set, "spec")
    names = [text(section(claim, "metadata"), "name") for claim in entries(spec, "volumeClaimTemplates")]
    for volume in entries(section(spec, "template", "spec"), "volumes"):
        place = folder / text(volume, "name")
        for kind, key in (("configMap", "name"), ("secret", "secretName")):
            if source := section(volume, kind):
                place.mkdir()
                _write(place, data[text(source, key)], _items(source))
        names.append(place.name)
    for name in names:
        (folder / name).mkdir(exist_ok=True)
        (folder / name).chmod(0o777)


def _items(source: Mapping[str, Json]) -> dict[str, str]:
    return {text(item, "key"): text(item, "path") for item in entries(source, "items")}


def _write(place: Path, files: Mapping[str, str], items: Mapping[str, str]) -> None:
    for key, content in files.items():
        if not items or key in items:
            (place / items.get(key, key)).write_text(content)
