"""Makes the CustomResourceDefinition from the models.

pydantic's JSON schema is not a structural schema: references are inlined, `const` becomes `enum`, "or null" is removed,
and an object without required fields has the defaults inside as its own, so that `kubectl get -o yaml` shows them.
"""

from collections.abc import Iterable, Mapping

from pydantic import BaseModel

from mailstack_operator.api import cel
from mailstack_operator.api.conditions import CHECKS, Check, ConditionType
from mailstack_operator.api.status import MailStackStatus, Verdict
from mailstack_operator.api.strings import NEW_STACK_NAME
from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object, entries, section, text

_KEEP = frozenset(
    (
        *("type", "description", "default", "enum", "format", "items", "properties", "required"),
        *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties"),
        "additionalProperties",
    )
)


def custom_resource_definition(spec: Object, checks: Iterable[Check] = CHECKS) -> Object:
    """The whole CRD, as kubectl takes it. `spec` is the structural schema of the spec; each check has a column, and a
    field in the status."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.PLURAL}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "names": {
                "kind": names.KIND,
                "listKind": f"{names.KIND}List",
                "plural": names.PLURAL,
                "singular": names.KIND.lower(),
                "shortNames": ["ms"],
                "categories": ["all"],
            },
            "scope": "Namespaced",
            "versions": [_version(spec, tuple(checks))],
        },
    }


def _version(spec: Object, checks: Iterable[Check]) -> Object:
    return {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": _columns(checks),
        "schema": {"openAPIV3Schema": _root(spec, checks)},
    }


def _columns(checks: Iterable[Check]) -> list[Json]:
    ready = _condition_path(ConditionType.READY)
    return [
        _status_column(ConditionType.READY.value, ConditionType.READY),
        *(_status_column(check.column, check.condition) for check in checks),
        {"name": "Reason", "type": "string", "jsonPath": f"{ready}.reason"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        {
            "name": "Warnings",
            "type": "string",
            "jsonPath": f"{_condition_path(ConditionType.WARNINGS)}.reason",
            "priority": 1,
        },
        {"name": "Endpoint", "type": "string", "jsonPath": ".status.endpoint", "priority": 1},
        {"name": "Message", "type": "string", "jsonPath": f"{ready}.message", "priority": 1},
    ]


def _status_column(title: str, condition: str) -> Object:
    return {"name": title, "type": "string", "jsonPath": f"{_condition_path(condition)}.status"}


def _condition_path(condition: str) -> str:
    return f".status.conditions[?(@.type=='{condition}')]"


def _root(spec: Object, checks: Iterable[Check]) -> Object:
    name = cel.Rule(
        f"size(self.metadata.name) <= {NEW_STACK_NAME.max_length} && "
        f"self.metadata.name.matches({cel.text(f'^({NEW_STACK_NAME.pattern})$')})",
        f"metadata.name: must be {NEW_STACK_NAME.hint}",
        at_creation=True,
    )
    return {
        "type": "object",
        "description": "A MailStack is one mail server: Postfix receives, Dovecot stores, LMTP joins them.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": {**status_schema(checks), "default": {}},
        },
        **cel.rules(name),
    }


def structural(model: type[BaseModel]) -> Object:
    """The model's structural schema."""
    schema: Object = model.model_json_schema(by_alias=True)
    return _rewrite(schema, section(schema, "$defs"))


def status_schema(checks: Iterable[Check] = CHECKS) -> Object:
    """The structural schema of `status`, with the verdict of each check in `pods[]`."""
    schema, verdict = structural(MailStackStatus), structural(Verdict)
    properties = section(schema, "properties")
    pods = section(properties, "pods")
    report = section(pods, "items")
    verdicts = {check.name: {**verdict, "description": check.question} for check in checks}
    items: Object = {**report, "properties": {**section(report, "properties"), **verdicts}}
    return {**schema, "properties": {**properties, "pods": {**pods, "items": items}}}


def _rewrite(node: Mapping[str, Json], definitions: Mapping[str, Json]) -> Object:
    node = _resolved(node, definitions)
    out: Object = {key: value for key, value in node.items() if key in _KEEP or key.startswith("x-")}
    if "const" in node:
        out["enum"] = [node["const"]]
    if out.get("additionalProperties") is False:
        del out["additionalProperties"]
    if out.get("default", ...) is None:
        del out["default"]
    if properties := section(node, "properties"):
        required = node.get("required")
        needed = required if isinstance(required, list) else []
        out["properties"] = {
            name: _rewrite(section(properties, name), definitions)
            if name in needed
            else _optional(section(properties, name), definitions)
            for name in properties
        }
    if items := section(node, "items"):
        out["items"] = _rewrite(items, definitions)
    return out


def _optional(node: Mapping[str, Json], definitions: Mapping[str, Json]) -> Object:
    out = _rewrite(node, definitions)
    # A feature that is off while its field is absent has no default.
    off = node.get("default", ...) is None
    if out.get("type") == "object" and not out.get("required") and not off:
        out.setdefault("default", _defaults(section(out, "properties")))
    return out


def _defaults(properties: Mapping[str, Json]) -> Object:
    """The defaults inside an object, as its own: CEL rules see it before they would be filled in."""
    return {name: section(properties, name)["default"] for name in properties if "default" in section(properties, name)}


def _resolved(node: Mapping[str, Json], definitions: Mapping[str, Json]) -> Mapping[str, Json]:
    """`node` with its reference, or the one branch that is not null, in its place; outer keys win."""
    branches = [branch for branch in entries(node, "anyOf") if branch != {"type": "null"}]
    if not branches and "$ref" not in node:
        return node
    inner = branches[0] if branches else section(definitions, text(node, "$ref").removeprefix("#/$defs/"))
    outer = {key: value for key, value in node.items() if key not in ("anyOf", "$ref")}
    return _resolved({**inner, **outer}, definitions)
