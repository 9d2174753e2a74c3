"""Labels and annotations of the user's own."""

from collections.abc import Iterator
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


def key_rule() -> cel.Rule:
    """Of a map: what the API server would refuse, and what is the operator's own."""
    size = f"size(key) <= {METADATA_KEY.max_length}"
    taken = f"key in {cel.strings([*_TAKEN])} || key.startsWith({cel.text(_RESERVED)})"
    return cel.Rule(f"self.all(key, {size} && {METADATA_KEY.matches('key')} && !({taken}))", key_message())


def key_message() -> str:
    return (
        f"each key must be {METADATA_KEY.hint}, and none of the operator's own: app.kubernetes.io/managed-by, name, "
        f"instance and component, those of StatefulSets, and {_RESERVED}*"
    )


def wrong_keys(found: dict[str, str]) -> Iterator[str]:
    """The keys that `key_rule` refuses."""
    for key in found:
        if not METADATA_KEY.fits(key) or key in _TAKEN or key.startswith(_RESERVED):
            yield key
