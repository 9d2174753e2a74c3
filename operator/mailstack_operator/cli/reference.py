"""Prints docs/api.md: every field of the API with its type, default and rules, from the CRD's own schema.

`python -m mailstack_operator.cli.reference`, by `make crd`.
"""

import json
from collections.abc import Iterator, Mapping

from mailstack_operator.api.crd import status_schema
from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, entries, section, text
from mailstack_operator.stack.schema import spec_schema

_HEAD = f"""\
<!-- Made by `make crd` from the models in operator/mailstack_operator/api; do not edit. -->

# MailStack, {names.API_VERSION}

Namespaced; short name `ms`. Times are Postfix's: a whole number and `s`, `m`, `h`, `d` or `w`. Sizes and
resources are Kubernetes quantities. `kubectl apply` refuses what breaks a rule, with the message quoted here;
`mailstack validate -f FILE` says the same without a cluster.
"""


def markdown() -> str:
    """The whole page."""
    parts = [_HEAD]
    for title, schema in (("spec", spec_schema()), ("status", status_schema())):
        rows = "\n".join(_rows(title, schema))
        parts.append(f"## {title}\n\n| Field | Type | Default | What it is |\n|---|---|---|---|\n{rows}\n")
    return "\n".join(parts)


def _rows(path: str, schema: Mapping[str, Json]) -> Iterator[str]:
    """A row for each field below `schema`, depth first; an object's own row only where a rule spans it."""
    required = schema.get("required")
    for name, field in section(schema, "properties").items():
        if not isinstance(field, dict):
            continue
        here = f"{path}.{name}"
        if field.get("type") == "object" and "properties" in field:
            yield from _span(here, field)
            yield from _rows(here, field)
        else:
            needed = isinstance(required, list) and name in required
            yield f"| `{here}` | {_type(field)} | {_default(field, needed)} | {_description(field)} |"
            yield from _rows(f"{here}[]", section(field, "items"))


def _span(path: str, schema: Mapping[str, Json]) -> Iterator[str]:
    if rules := _rules(schema):
        yield f"| `{path}` | object | | {rules} |"


def _type(schema: Mapping[str, Json]) -> str:
    values = schema.get("enum")
    if isinstance(values, list):
        return " or ".join(f"`{value}`" for value in values)
    if schema.get("x-kubernetes-int-or-string"):
        return "quantity"
    if items := section(schema, "items"):
        return f"list of {_type(items)}"
    if schema.get("additionalProperties"):
        return "map of strings"
    return text(schema, "type")


def _default(schema: Mapping[str, Json], required: bool) -> str:
    if required:
        return "required"
    return f"`{json.dumps(schema['default'])}`" if "default" in schema else ""


def _description(schema: Mapping[str, Json]) -> str:
    own = [text(schema, "description"), _rules(section(schema, "items")), _rules(schema)]
    return " ".join(part for part in own if part).replace("|", "\\|")


def _rules(schema: Mapping[str, Json]) -> str:
    """The messages of the schema's rules, as one sentence each."""
    return " ".join(f"*{text(rule, 'message')}.*" for rule in entries(schema, "x-kubernetes-validations"))


if __name__ == "__main__":
    print(markdown(), end="")
