"""The names that the operator gives: API group, labels, child objects, paths in the pod.

Pure constants and string functions; everything else refers to a thing by the name it has here.
"""

from dataclasses import dataclass

GROUP = "mailstack.dev"
VERSION = "v1alpha1"
KIND = "MailStack"
PLURAL = "mailstacks"
API_VERSION = f"{GROUP}/{VERSION}"

FIELD_MANAGER = "mailstack-operator"

LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
LABEL_NAME = "app.kubernetes.io/name"
LABEL_INSTANCE = "app.kubernetes.io/instance"
MANAGED_BY = "mailstack-operator"
CHILD_SELECTOR = f"{LABEL_MANAGED_BY}={MANAGED_BY},{LABEL_NAME}=mailstack"

ANNOTATION_USERS_VERSION = "mailstack.dev/users-version"
ANNOTATION_CONFIG_DIGEST = "mailstack.dev/config-digest"

# A StatefulSet's pods carry the label "NAME-<revision hash>": 63 less a dash and ten characters.
MAX_STACK_NAME = 52


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


def postfix_config(stack: str) -> str:
    return f"{stack}-postfix"


def dovecot_config(stack: str) -> str:
    return f"{stack}-dovecot"
