"""rspamd in the pod of Postfix: without root, without a capability, and behind a unix socket."""

from dataclasses import replace

from mailstack_operator.api.filter import Filter
from mailstack_operator.api.servers import FILTER_RESOURCES
from mailstack_operator.kube.objects import Object
from mailstack_operator.stack import containers, images, script
from mailstack_operator.stack.component import Asked, Component
from mailstack_operator.stack.containers import SIDECAR_USER, mount
from mailstack_operator.stack.paths import DKIM_FOLDER, FILTER_FILES, FILTER_FOLDER, FILTER_SOCKET, TMP
from mailstack_operator.stack.rspamd import dkim, rspamd_conf
from mailstack_operator.stack.topology import Topology
from mailstack_probe.contract import ProbeOptions

_FILES = (rspamd_conf.MAIN, rspamd_conf.OVERRIDE)
# What it writes to, and nothing that outlives the pod.
_FOLDERS = {"filter-data": "/var/lib/rspamd", "filter-run": "/run/rspamd", "filter-tmp": TMP}


def build(topology: Topology) -> Component | None:
    """It starts before Postfix, so that no mail passes it, and outlives Postfix."""
    if topology.spec.filter is None:
        return None
    return Component(
        "filter",
        init=tuple(dkim.helpers(topology)),
        main=_server(topology, topology.spec.filter),
        volumes=(*map(containers.empty, ("filter", *_FOLDERS)), *dkim.volumes(topology.spec)),
        follows={"filter-config": _FILES},
        asked=Asked(_options, mounts=(mount("filter", FILTER_FOLDER, read_only=True),)),
        beside="postfix",
    )


def _server(topology: Topology, wanted: Filter) -> Object:
    environment = {
        "FILES": FILTER_FILES,
        "MAIN": f"{FILTER_FILES}/{rspamd_conf.MAIN}",
        "SOCKET": FILTER_SOCKET,
        "KEYS": DKIM_FOLDER,
    }
    return {
        **containers.container("filter", topology.images.chosen(images.FILTER, wanted.image)),
        "command": script.command("rspamd/scripts/start.sh"),
        **containers.environment(environment),
        "startupProbe": {**containers.files_exist_probe([FILTER_SOCKET]), "periodSeconds": 1, "failureThreshold": 60},
        "livenessProbe": _answers_probe(),
        "resources": containers.resources(wanted.resources, FILTER_RESOURCES),
        "securityContext": containers.ordinary_user(SIDECAR_USER),
        "volumeMounts": [
            mount("filter", FILTER_FOLDER),
            mount("filter-config", FILTER_FILES, read_only=True),
            *dkim.mounts(topology.spec),
            *(mount(volume, path) for volume, path in _FOLDERS.items()),
        ],
    }


def _answers_probe() -> Object:
    """Ends a filter that says nothing for more than two minutes: large messages keep a busy one from answering for
    some 15 s each. A stopped process does not hear that it should end, so it is not waited for."""
    return {
        "exec": {"command": script.command("rspamd/scripts/answers.sh")},
        "periodSeconds": 30,
        "timeoutSeconds": 30,
        "failureThreshold": 5,
        "terminationGracePeriodSeconds": 5,
    }


def _options(options: ProbeOptions) -> ProbeOptions:
    return replace(options, filter=FILTER_SOCKET)
