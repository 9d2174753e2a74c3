"""The helper that judges a users file before Dovecot reads it: mailstack_probe.handover."""

from collections.abc import Iterator

from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import containers
from mailstack_operator.stack.containers import SIDECAR_USER, mount
from mailstack_operator.stack.paths import MAIL_ROOT
from mailstack_operator.stack.topology import Topology
from mailstack_operator.stack.users.source import JudgedFile
from mailstack_probe.contract import UsersOptions

# The last good file, for the next pod.
_KEPT = f"{MAIL_ROOT}/.mailstack-users"


def containers_of(topology: Topology) -> Iterator[Object]:
    """A sidecar, because the file changes while the pod runs; none for a source of users without such a file."""
    if file := topology.spec.users.source.additions(topology.spec).judged:
        yield _container(topology, file)


def _container(topology: Topology, file: JudgedFile) -> Object:
    options = UsersOptions(
        source=file.source,
        target=file.target,
        report=file.report,
        kept=_KEPT,
        root=MAIL_ROOT,
        owner=topology.mail_owner,
        rootless=topology.rootless,
    )
    mounts: list[Json] = [*file.mounts, mount("mail", MAIL_ROOT)]
    targets = [file.target]
    return {
        **containers.helper("users", topology.operator_image, options.program, options.to_arguments(), targets),
        "securityContext": containers.ordinary_user(topology.rootless or SIDECAR_USER, topology.mail_owner),
        "volumeMounts": mounts,
    }
