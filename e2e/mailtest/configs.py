"""ConfigMaps that a user writes."""

from mailtest.kubectl import Object


def config_map(name: str, **files: str) -> Object:
    """A ConfigMap; a key is a file's name."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": files}


def file(name: str, key: str) -> dict[str, str]:
    """How a spec refers to a file in a ConfigMap."""
    return {"configMapName": name, "key": key}
