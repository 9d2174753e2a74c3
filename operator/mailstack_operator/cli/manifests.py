"""Reads and writes manifests as YAML."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object, section, text


class Unreadable(ValueError):
    """The file cannot be read as YAML, or holds no MailStack."""


class _Dumper(yaml.SafeDumper):
    """Multi-line strings as blocks, no aliases: as a person would write it."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def mail_stacks(path: Path) -> list[Object]:
    """The MailStacks among the YAML documents of the file. Raises Unreadable."""
    stacks = [entry for entry in _documents(path) if entry.get("kind") == names.KIND]
    if not stacks:
        raise Unreadable(f"{path}: no document of kind {names.KIND}")
    return stacks


def config_maps(path: Path) -> dict[str, Mapping[str, Json]]:
    """The data of the ConfigMaps among the YAML documents of the file, by name. Raises Unreadable."""
    found = (entry for entry in _documents(path) if entry.get("kind") == "ConfigMap")
    return {text(section(entry, "metadata"), "name"): section(entry, "data") for entry in found}


def _documents(path: Path) -> list[Object]:
    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Unreadable(f"{path}: {error}") from error
    return [entry for entry in documents if isinstance(entry, dict)]


def dump(*documents: Json) -> str:
    """The documents as one YAML stream."""
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=110, explicit_start=len(documents) > 1)
