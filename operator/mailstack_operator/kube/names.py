"""The names that the operator gives: API group, labels, child objects, paths in the pod.

Pure constants and string functions; everything else refers to a thing by the name it has here.
"""

from dataclasses import dataclass

from mailstack_probe import contract

GROUP = contract.GROUP
VERSION = contract.VERSION
KIND = "MailStack"
PLURAL = "mailstacks"
API_VERSION = contract.GROUP_VERSION

FIELD_MANAGER = "mailstack-operator"

LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
LABEL_NAME = "app.kubernetes.io/name"
LABEL_COMPONENT = "app.kubernetes.io/component"
LABEL_INSTANCE = "app.kubernetes.io/instance"
MANAGED_BY = "mailstack-operator"
CHILD_SELECTOR = f"{LABEL_MANAGED_BY}={MANAGED_BY},{LABEL_NAME}=mailstack"
# What others made, such as what a spec refers to.
OTHERS_SELECTOR = f"{LABEL_MANAGED_BY}!={MANAGED_BY}"

ANNOTATION_SECRETS_VERSION = "mailstack.dev/secrets-version"
ANNOTATION_FILES_VERSION = "mailstack.dev/files-version"
ANNOTATION_OPERATOR_IMAGE = "mailstack.dev/operator-image"
ANNOTATION_PULL_SECRETS = "mailstack.dev/pull-secrets"
ANNOTATION_CONFIG_DIGEST = "mailstack.dev/config-digest"

# What keeps tools from deleting a claim that they take for their own: it has no owner, and may carry a label by which
# they track. Each is the tool's documented annotation; docs/operations.md, "Volumes", lists the tools.
KEPT = {
    "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
    "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
    "helm.sh/resource-policy": "keep",
    "kapp.k14s.io/delete-strategy": "orphan",
    # kpt and Config Sync
    "client.lifecycle.config.k8s.io/deletion": "detach",
}

# A StatefulSet's pods carry the label "NAME-dovecot-<revision hash>": 63 less "-dovecot", a dash and ten characters.
MAX_STACK_NAME = 44
# The longest name of a new MailStack: its objects may get longer names, such as NAME-dovecot-proxy.
MAX_NEW_STACK_NAME = 38


@dataclass(frozen=True, order=True)
class StackKey:
    """Which MailStack: namespace and name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def labels(stack: str) -> dict[str, str]:
    """The labels of every child of the MailStack named `stack`."""
    return {LABEL_MANAGED_BY: MANAGED_BY, LABEL_NAME: "mailstack", LABEL_INSTANCE: stack}


def pod_labels(stack: str, component: str) -> dict[str, str]:
    """The labels of a pod of the MailStack; `component` is postfix or dovecot: whose StatefulSet it is."""
    return {**labels(stack), LABEL_COMPONENT: component}


def dovecot(stack: str) -> str:
    """Dovecot's own StatefulSet and Service."""
    return f"{stack}-dovecot"


def outgoing(stack: str) -> str:
    """The Service of Postfix for the mail that Dovecot sends, where they have pods of their own."""
    return f"{stack}-outgoing"


def exposed(stack: str, audience: str) -> str:
    """The Service that leads from outside of the cluster to the pods; `audience` is smtp or clients."""
    return f"{stack}-{audience}"


def rehearsal(stack: str) -> str:
    """The pod in which a changed configuration is tried, and the stem of its ConfigMaps."""
    return f"{stack}-rehearsal"


def probe(stack: str) -> str:
    """The ServiceAccount, Role and RoleBinding of the probes."""
    return f"{stack}-probe"


def mail_claim(stack: str) -> str:
    """The claim of the mail; a name that a StatefulSet's own claim would have."""
    return f"mail-{stack}-0"


def claim(template: str, stack: str, server: str, ordinal: int) -> str:
    """The claim of a StatefulSet's pod, by the name of its template and the pod's number."""
    return f"{template}-{stateful_set(stack, server)}-{ordinal}"


def stateful_set(stack: str, server: str) -> str:
    """The StatefulSet of the pods that are named after the server; Postfix's has the name of the MailStack."""
    return stack if server == "postfix" else f"{stack}-{server}"
