"""Kubernetes objects as decoded JSON, and the few readers that need no client."""

import hashlib
import json
from collections.abc import Mapping
from typing import TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Object: TypeAlias = dict[str, Json]


def section(parent: Mapping[str, Json], *path: str) -> Mapping[str, Json]:
    """The mapping at `path`; empty where there is none."""
    node: object = parent
    for name in path:
        node = node.get(name) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else {}


def entries(parent: Mapping[str, Json], name: str) -> list[Mapping[str, Json]]:
    """The mappings in the list `name`; empty where there is none."""
    value = parent.get(name)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def text(parent: Mapping[str, Json], name: str) -> str:
    """The string `name`; empty where there is none."""
    value = parent.get(name)
    return value if isinstance(value, str) else ""


def number(parent: Mapping[str, Json], name: str) -> int:
    """The integer `name`; 0 where there is none."""
    value = parent.get(name)
    return value if isinstance(value, int) else 0


def digest(value: Json) -> str:
    """A digest of JSON in 16 hex digits, independent of the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
