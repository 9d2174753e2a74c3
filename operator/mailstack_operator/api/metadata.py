"""Labels and annotations of the user's own."""

from collections.abc import Iterable
from typing import Annotated, Final, TypeAlias

from pydantic import Field

from mailstack_operator.api import cel
from mailstack_operator.api.strings import METADATA_KEY, LabelValue
from mailstack_operator.kube import names

MOST_ENTRIES: Final = 32
AnnotationValue: TypeAlias = Annotated[str, Field(max_length=16384)]
Labels: TypeAlias = dict[str, LabelValue]
Annotations: TypeAlias = dict[str, AnnotationValue]

# Those that the operator and the controllers of Kubernetes give.
_TAKEN: Final = (
    *names.pod_labels("", ""),
    "controller-revision-hash",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
)
_RESERVED: Final = f"{names.GROUP}/"

# Of a map: what the API server would refuse.
VALID_KEYS: Final = cel.Rule(
    f"self.all(key, size(key) <= {METADATA_KEY.max_length} && {METADATA_KEY.matches('key')})",
    f"each key must be {METADATA_KEY.hint}",
)
# And what is the operator's own.
FREE_KEYS: Final = cel.Rule(
    f"!self.exists(key, key in {cel.strings([*_TAKEN])} || key.startsWith({cel.text(_RESERVED)}))",
    "the operator and Kubernetes themselves set app.kubernetes.io/managed-by, name, instance and component, the labels "
    f"of StatefulSets, and {_RESERVED}*: choose another key",
)


def are_valid(keys: Iterable[str]) -> bool:
    """As VALID_KEYS."""
    return all(map(METADATA_KEY.fits, keys))


def are_free(keys: Iterable[str]) -> bool:
    """As FREE_KEYS."""
    return not any(key in _TAKEN or key.startswith(_RESERVED) for key in keys)
