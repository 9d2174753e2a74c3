"""The kinds of objects that the operator deals with, in one table: where they are served, and what it does with them.

Store, watches, requests, pruning and the chart's permissions (tests/chart/test_rbac.py) follow it. Pure.
"""

from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote

from mailstack_operator.kube import names
from mailstack_operator.kube.metadata import Ref

_FOLLOW = ("list", "watch")
_APPLY = ("create", "patch")


class Pruning(Enum):
    """When a child that is no longer wanted is deleted."""

    NEVER = "never"
    WITH_CHANGE = "as soon as the change may reach the pods"
    AFTER_CHANGE = "once all pods run the change"


@dataclass(frozen=True)
class Kind:
    """`plural` is its path segment in a URL.

    `verbs` are RBAC's, those that the operator needs in a namespace with MailStacks. `is_child`: an object that it
    makes for a MailStack. `is_followed`: watches and lists report those of MailStacks; `is_read_whole`: requests take
    the whole object, else its metadata. `is_referred`: specs name objects of the user. `rolls_pods`: a change of it
    reaches the pods.
    """

    api_version: str
    name: str
    plural: str
    verbs: tuple[str, ...]
    is_child: bool = False
    is_followed: bool = True
    is_read_whole: bool = False
    is_referred: bool = False
    rolls_pods: bool = False
    pruning: Pruning = Pruning.NEVER

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        return self.api_version.rpartition("/")[2]

    def ref(self, namespace: str, name: str) -> Ref:
        """Which object; all of the namespace where `name` is empty."""
        return Ref(self.api_version, self.name, namespace, name)


MAIL_STACK = Kind(names.API_VERSION, names.KIND, names.PLURAL, _FOLLOW, is_read_whole=True)
CONFIG_MAP = Kind(
    "v1",
    "ConfigMap",
    "configmaps",
    ("get", *_FOLLOW, *_APPLY, "delete"),
    is_child=True,
    is_referred=True,
    rolls_pods=True,
    pruning=Pruning.WITH_CHANGE,
)
# While the name of a Service does not resolve, Postfix refuses mail for good users for good: it goes last. Its status
# has the address that a load balancer got.
SERVICE = Kind(
    "v1",
    "Service",
    "services",
    ("get", *_FOLLOW, *_APPLY, "delete"),
    is_child=True,
    is_read_whole=True,
    pruning=Pruning.AFTER_CHANGE,
)
SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", "serviceaccounts", ("get", *_FOLLOW, *_APPLY), is_child=True)
# No delete: the mail outlives its MailStack. Its size may be larger than the spec's.
CLAIM = Kind(
    "v1",
    "PersistentVolumeClaim",
    "persistentvolumeclaims",
    ("get", *_FOLLOW, *_APPLY),
    is_child=True,
    is_read_whole=True,
)
ROLE = Kind("rbac.authorization.k8s.io/v1", "Role", "roles", ("get", *_FOLLOW, *_APPLY), is_child=True)
ROLE_BINDING = Kind(
    "rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", ("get", *_FOLLOW, *_APPLY), is_child=True
)
STATEFUL_SET = Kind(
    "apps/v1",
    "StatefulSet",
    "statefulsets",
    ("get", *_FOLLOW, *_APPLY, "delete"),
    is_child=True,
    is_read_whole=True,
    rolls_pods=True,
    pruning=Pruning.WITH_CHANGE,
)
POD_DISRUPTION_BUDGET = Kind(
    "policy/v1",
    "PodDisruptionBudget",
    "poddisruptionbudgets",
    ("get", *_FOLLOW, *_APPLY, "delete"),
    is_child=True,
    pruning=Pruning.AFTER_CHANGE,
)
# While a pod listens on a port that must not be open to everybody, its policy is there.
NETWORK_POLICY = Kind(
    "networking.k8s.io/v1",
    "NetworkPolicy",
    "networkpolicies",
    ("get", *_FOLLOW, *_APPLY, "delete"),
    is_child=True,
    pruning=Pruning.AFTER_CHANGE,
)
# The pods of StatefulSets are followed, and annotated when their Secrets or files change; one that fails at its start
# is deleted when its files change. Rehearsals are created and deleted.
POD = Kind("v1", "Pod", "pods", (*_FOLLOW, *_APPLY, "delete"), is_read_whole=True)
# Read by name. To follow them takes the permission to read all of them: the chart's `watch.secrets`.
SECRET = Kind("v1", "Secret", "secrets", ("get", *_FOLLOW), is_followed=False, is_referred=True)
# Listed by what they are about, and only while a pod is missing or has no volume.
EVENT = Kind("events.k8s.io/v1", "Event", "events", ("list", "create"), is_followed=False)
# The one of the leader election is in the operator's own namespace, where a Role of its own permits it.
LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases", (), is_followed=False)

KINDS = (
    MAIL_STACK,
    CONFIG_MAP,
    SERVICE,
    SERVICE_ACCOUNT,
    CLAIM,
    ROLE,
    ROLE_BINDING,
    STATEFUL_SET,
    POD_DISRUPTION_BUDGET,
    NETWORK_POLICY,
    POD,
    SECRET,
    EVENT,
    LEASE,
)
BY_NAME = {kind.name: kind for kind in KINDS}


def url_path(ref: Ref) -> str:
    """The URL path of an object, or of its kind's list where the name is empty."""
    root = "/api/v1" if ref.api_version == "v1" else f"/apis/{ref.api_version}"
    where = f"/namespaces/{quote(ref.namespace)}" if ref.namespace else ""
    what = f"/{quote(ref.name)}" if ref.name else ""
    return f"{root}{where}/{BY_NAME[ref.kind].plural}{what}"
