"""The files of the chart as it is released: whoever installs it gets the images of the release. Pure."""

import json
import re
from collections.abc import Iterable, Mapping

from release.plan import Pushed

NAMESPACE = "mailstack-system"
#: For `kubectl apply -k`, and as a base.
KUSTOMIZATION = f"""\
# The operator as in install.yaml. The namespace {NAMESPACE} also stands in arguments and in the admission policies, and
# the images of mail pods in arguments, where kustomize changes neither: use the chart for others.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - install.yaml
"""
_KEY = re.compile(r'( *)("?)([\w.]+)\2:(?= |$)')


def values(text: str, registry: str, images: Iterable[Pushed]) -> str:
    """values.yaml with the registry, and with the tag and the digest of each image."""
    wanted: dict[tuple[str, ...], str] = {("image", "registry"): registry}
    for image in images:
        wanted |= {(*image.target.value, "tag"): image.target.tag, (*image.target.value, "digest"): image.digest}
    return set_values(text, wanted)


def set_values(text: str, wanted: Mapping[tuple[str, ...], str]) -> str:
    """A YAML file of nested blocks with other strings at these paths; its comments stay.

    Raises KeyError for a path that the file does not have.
    """
    missing, path, lines = dict(wanted), list[str](), list[str]()
    for line in text.splitlines():
        found = _KEY.match(line)
        path = [*path[: len(found[1]) // 2], found[3]] if found else path
        value = missing.pop(tuple(path), None) if found else None
        lines.append(line if found is None or value is None else f"{found[0]} {json.dumps(value)}")
    if missing:
        raise KeyError(".".join(next(iter(missing))))
    return "\n".join(lines) + "\n"


def metadata(text: str, images: Iterable[Pushed]) -> str:
    """Chart.yaml, which ends with its annotations, with Artifact Hub's list of images."""
    entries = (f"    - name: {each.target.file_stem}\n      image: {each.reference}\n" for each in images)
    return f"{text}  artifacthub.io/images: |\n{''.join(entries)}"


def install(rendered: str) -> str:
    """install.yaml, of what Helm renders."""
    return f"""\
# The operator, its namespace and the CustomResourceDefinition: kubectl apply -f install.yaml
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: restricted
{rendered}"""
