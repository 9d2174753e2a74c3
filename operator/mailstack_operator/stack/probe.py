"""The component that asks the servers of its pod what mail clients ask, and reports: mailstack_probe."""

from collections.abc import Sequence

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import containers
from mailstack_operator.stack.component import Asked, Component
from mailstack_operator.stack.containers import SIDECAR_USER, WORLD_READABLE, from_field, mount
from mailstack_operator.stack.topology import Topology
from mailstack_probe.contract import (
    CONFIG_DIGEST,
    POD_NAME,
    POD_UID,
    PROBE_PORT,
    PROBE_SETTINGS,
    SETTINGS_ARGUMENT,
    SETTINGS_FOLDER,
    TOKEN_FOLDER,
    ProbeOptions,
)


def build(topology: Topology, components: Sequence[Component]) -> Component:
    """`components` are those that it asks.

    It starts together with Postfix, which is there a second sooner then. Where the Service goes by readiness, it has to
    outlive the server: a pod whose probe has ended is not Ready, and would get no connections while its server drains.
    """
    return Component(
        "probe",
        main=_container(topology, [component.asked for component in components]),
        volumes=(_token(),),
        # What it must know of the configuration, which may change while it runs.
        follows={"settings": (PROBE_SETTINGS, CONFIG_DIGEST)},
        account=names.probe(topology.stack.key.name),
        awaited=not topology.lmtp.serves_while_not_ready,
    )


def _container(topology: Topology, asked: Sequence[Asked]) -> Object:
    options = _options(topology, asked)
    own = [mount("token", TOKEN_FOLDER, read_only=True), mount("settings", SETTINGS_FOLDER, read_only=True)]
    mounts: list[Json] = [*own, *(one for each in asked for one in each.mounts)]
    return {
        **containers.container("probe", topology.operator_image),
        "command": ["python3", "-m", options.program, *options.to_arguments(), SETTINGS_ARGUMENT],
        "env": [from_field(POD_NAME, "metadata.name"), from_field(POD_UID, "metadata.uid")],
        "ports": [{"name": "metrics", "containerPort": PROBE_PORT, "protocol": "TCP"}],
        "livenessProbe": {
            "httpGet": {"path": "/healthz", "port": "metrics"},
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 3,
        },
        "securityContext": _security(topology, asked),
        "volumeMounts": mounts,
    }


def _options(topology: Topology, asked: Sequence[Asked]) -> ProbeOptions:
    options = ProbeOptions(
        lmtp=topology.lmtp.address_in_pod,
        # In the file of settings.
        domain=(),
        stack=str(topology.stack.key),
        port=PROBE_PORT,
        settings=SETTINGS_FOLDER,
    )
    for each in reversed(asked):
        options = each.options(options)
    return options


def _security(topology: Topology, asked: Sequence[Asked]) -> Object:
    """Beside Postfix it becomes the image's user postfix, the only one that Dovecot's socket lets in: that takes a
    root."""
    if any(each.as_root for each in asked):
        return {**containers.capabilities("SETGID", "SETUID"), "runAsUser": 0, "runAsGroup": 0}
    return containers.ordinary_user(SIDECAR_USER, topology.mail_owner)


def _token() -> Object:
    """The probe's right to the API, and how it knows the API server; no other container sees it."""
    sources: list[Json] = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    ]
    return {"name": "token", "projected": {"sources": sources, "defaultMode": WORLD_READABLE}}
