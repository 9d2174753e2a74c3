"""The rehearsal: a pod that tries a changed configuration by running it on empty volumes, and asks the servers a few
questions. It succeeds, or the last lines of its containers say why not; no Service leads to it."""

from collections.abc import Iterable
from dataclasses import replace

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import certificates, containers, object_meta, placement, script
from mailstack_operator.stack.component import Component, assemble, without_state
from mailstack_operator.stack.containers import SIDECAR_USER, mount
from mailstack_operator.stack.paths import LOGS_FOLDER
from mailstack_operator.stack.postfix.component import expected_reply
from mailstack_operator.stack.topology import Topology
from mailstack_probe.contract import REHEARSAL_USER, VERIFICATION_PORT, RehearsalOptions

# As many domains are asked for: each takes a second.
_DOMAINS = 3
# On a slow node, with images to pull.
_SECONDS = 300


def build(topology: Topology, servers: Iterable[Component], config_digest: str) -> Object:
    """`topology` and `servers` are those of the change, with all servers in one pod."""
    stack, stem = topology.stack, names.rehearsal(topology.stack.key.name)
    tried = [_logged(without_state(server)) for server in servers]
    components = [*certificates.build(topology, tried), _component(topology), *tried]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **object_meta.child(stack, stem),
            "labels": _labels(stack.key.name),
            "annotations": {
                **topology.spec.pod_annotations,
                names.ANNOTATION_CONFIG_DIGEST: config_digest,
                **topology.helper_image.to_annotations(),
            },
        },
        "spec": {
            **assemble(stem, components, topology.spec.helpers.resources),
            **containers.pull_secrets((*topology.spec_pull_secrets, *topology.pull_secrets)),
            **placement.of_rehearsal(topology.spec.placement),
            **_host_aliases(topology),
            "restartPolicy": "Never",
            "activeDeadlineSeconds": _SECONDS,
            "terminationGracePeriodSeconds": 1,
        },
    }


def _labels(stack: str) -> Object:
    labels: Object = {**names.labels(stack), names.LABEL_COMPONENT: "rehearsal"}
    # The Service of the stack selects by this label.
    del labels[names.LABEL_INSTANCE]
    return labels


def _host_aliases(topology: Topology) -> Object:
    aliases = topology.lmtp.host_aliases
    return {"hostAliases": aliases} if aliases else {}


def _component(topology: Topology) -> Component:
    """Asks the servers beside it what another mail server and a mail program would ask."""
    options = _options(topology)
    main: Object = {
        **containers.container("rehearsal", topology.operator_image),
        "command": ["python3", "-m", options.program, *options.to_arguments()],
        "securityContext": containers.ordinary_user(SIDECAR_USER),
        "volumeMounts": [mount("logs", LOGS_FOLDER, read_only=True)],
    }
    return Component("rehearsal", main=main, volumes=(containers.empty("logs"),))


def _options(topology: Topology) -> RehearsalOptions:
    """Every port, and unknown recipients of some domains."""
    source = topology.spec.users.source
    ports = {port.name: port.container for port in (*topology.postfix_ports, *topology.mail_ports)}
    return RehearsalOptions(
        expect=expected_reply(topology),
        unknown=tuple(f"{REHEARSAL_USER}@{domain}" for domain in topology.spec.domains[:_DOMAINS]),
        verification=VERIFICATION_PORT,
        log=tuple(map(_log, ("dovecot", "postfix"))),
        source=source.tag if source.canaries(topology.spec).address else None,
        **ports,
    )


def _logged(component: Component) -> Component:
    """The component with what its server prints in a file too, where the rehearsal reads it."""
    if component.main is None:
        return component
    command = script.command("scripts/logged.sh", _log(component.name), *_command(component.main))
    mounts = [*_list(component.main, "volumeMounts"), mount("logs", LOGS_FOLDER)]
    return replace(component, main={**component.main, "command": command, "volumeMounts": mounts})


def _log(server: str) -> str:
    return f"{LOGS_FOLDER}/{server}.log"


def _command(container: Object) -> list[str]:
    return [str(word) for word in _list(container, "command")]


def _list(container: Object, name: str) -> list[Json]:
    value = container.get(name)
    return value if isinstance(value, list) else []
