"""The component that hands the servers of its pod their certificates: mailstack_probe.certificates."""

from collections.abc import Iterable
from dataclasses import replace

from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import containers
from mailstack_operator.stack.certificate import Certificate
from mailstack_operator.stack.component import Asked, Component
from mailstack_operator.stack.containers import SIDECAR_USER, mount
from mailstack_operator.stack.paths import TLS_FOLDER
from mailstack_operator.stack.topology import Topology
from mailstack_probe.contract import CertificatesOptions


def build(topology: Topology, servers: Iterable[Component]) -> list[Component]:
    """For all that the servers of a pod need; none if they need none."""
    needed = list({one.copy: one for server in servers for one in server.certificates}.values())
    return [_component(topology, needed)] if needed else []


def _component(topology: Topology, needed: list[Certificate]) -> Component:
    public = tuple(one.public for one in needed if one.public)
    return Component(
        "certificates",
        init=(_container(topology, needed),),
        volumes=(containers.empty("tls"), *(one.volume for one in needed)),
        asked=Asked(lambda options: replace(options, certificate=public), mounts=(mounted(),)),
    )


def mounted() -> Object:
    """Where a server reads certificates."""
    return mount("tls", TLS_FOLDER, read_only=True)


def _container(topology: Topology, needed: list[Certificate]) -> Object:
    """A sidecar, which hands on renewed certificates too, and only when they are good."""
    options = CertificatesOptions(
        pair=tuple(one.copy for one in needed if one.public), ca=tuple(one.copy for one in needed if not one.public)
    )
    secrets: list[Json] = [mount(str(one.volume["name"]), one.folder, read_only=True) for one in needed]
    targets = [one.copy.target for one in needed]
    return {
        **containers.helper("certificates", topology.operator_image, options.program, options.to_arguments(), targets),
        # A rootless Dovecot reads the certificate as its own.
        "securityContext": containers.ordinary_user(topology.rootless or SIDECAR_USER),
        "volumeMounts": [mount("tls", TLS_FOLDER), *secrets],
    }
