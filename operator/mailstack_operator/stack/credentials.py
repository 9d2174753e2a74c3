"""The helpers that hand Dovecot passwords and CAs for other servers: mailstack_probe.credentials."""

from collections.abc import Iterator

from mailstack_operator.kube.objects import Object
from mailstack_operator.stack import containers
from mailstack_operator.stack.containers import SIDECAR_USER
from mailstack_operator.stack.topology import Topology
from mailstack_operator.stack.users import oauth2
from mailstack_operator.stack.users.source import Credentials


def containers_of(topology: Topology) -> Iterator[Object]:
    """Sidecars, because the Secrets change while the pod runs: of an external source of users, of its tokens."""
    for found in oauth2.additions(topology.spec).credentials:
        yield _container(topology, found)


def _container(topology: Topology, found: Credentials) -> Object:
    options = found.options
    targets = [*([options.target] if options.target else []), *(copy.target for copy in options.ca)]
    return {
        **containers.helper(found.name, topology.operator_image, options.program, options.to_arguments(), targets),
        "securityContext": containers.ordinary_user(topology.rootless or SIDECAR_USER),
        "volumeMounts": [*found.mounts],
    }
