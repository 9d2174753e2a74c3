"""The structural schema of `spec`, with the rules at the fields that they are about."""

from collections.abc import Mapping, Sequence

from mailstack_operator.api.crd import structural
from mailstack_operator.kube.objects import Json, Object, entries, section
from mailstack_operator.stack.rule import Rule
from mailstack_operator.stack.rules import rules
from mailstack_operator.stack.users.variants import VARIANTS, Variants, spec_model


def spec_schema(variants: Variants = VARIANTS) -> Object:
    """The schema of a spec with these sources of users."""
    return _with_rules("spec", structural(spec_model(variants)), rules(variants))


def _with_rules(path: str, node: Mapping[str, Json], found: Sequence[Rule]) -> Object:
    out: Object = dict(node)
    if properties := section(node, "properties"):
        out["properties"] = {
            name: _with_rules(f"{path}.{name}", section(properties, name), found) for name in properties
        }
    added = [rule.cel.as_json() for rule in found if rule.path == path and rule.cel]
    if added:
        out["x-kubernetes-validations"] = [*map(dict, entries(node, "x-kubernetes-validations")), *added]
    return out
