"""A bundle for OLM (registry+v1), of what the chart renders. Pure.

OLM makes the roles and the Deployment of a bundle itself, from the ClusterServiceVersion. It installs no admission
policies: they are left out.
"""

import base64
import json
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import yaml

from release.plan import CHART, Pushed

# An object as YAML has it.
Object: TypeAlias = dict[str, Any]

#: How the chart is rendered: OLM chooses the namespace.
FLAGS = (
    "--set=admissionPolicy.enabled=false",
    '--set-json=extraArgs=["--lease-namespace=$(POD_NAMESPACE)"]',
    '--set-json=extraEnv=[{"name":"POD_NAMESPACE","valueFrom":{"fieldRef":{"fieldPath":"metadata.namespace"}}}]',
)
_LABELS = {
    "mediatype.v1": "registry+v1",
    "manifests.v1": "manifests/",
    "metadata.v1": "metadata/",
    "package.v1": CHART,
    "channels.v1": "alpha",
    "channel.default.v1": "alpha",
}
ANNOTATIONS = {f"operators.operatorframework.io.bundle.{name}": value for name, value in _LABELS.items()}
#: Part of the ClusterServiceVersion.
_INSTALLED = ("Deployment", "ServiceAccount", "Role", "RoleBinding")
_DESCRIPTION = """\
Turns a `MailStack` into a running Postfix and Dovecot, joined by LMTP.

The bundle has no admission policies, which keep the operator's account to what a MailStack has, because OLM cannot
install them. Install the chart where they are wanted.
"""


def files(objects: Sequence[Object], chart: Object, images: Sequence[Pushed]) -> dict[str, str]:
    """The bundle, by path; `objects` are rendered with FLAGS, `chart` is Chart.yaml."""
    rest = [each for each in objects if each["kind"] not in (*_INSTALLED, "ClusterRoleBinding") and not _is_own(each)]
    named = {f"manifests/{each['metadata']['name']}.{each['kind'].lower()}.yaml": _dump(_free(each)) for each in rest}
    return {
        f"manifests/{CHART}.clusterserviceversion.yaml": _dump(service_version(objects, chart, images)),
        **named,
        "metadata/annotations.yaml": _dump({"annotations": ANNOTATIONS}),
        "bundle.Dockerfile": dockerfile(),
    }


def dockerfile() -> str:
    """The bundle as an image, which nothing runs."""
    labels = "".join(f"LABEL {name}={value}\n" for name, value in ANNOTATIONS.items())
    return f"FROM scratch\n{labels}COPY manifests /manifests/\nCOPY metadata /metadata/\n"


def service_version(objects: Sequence[Object], chart: Object, images: Sequence[Pushed]) -> Object:
    """The ClusterServiceVersion."""
    about = chart["annotations"]
    metadata = {
        "name": f"{CHART}.v{chart['version']}",
        "namespace": "placeholder",
        "annotations": {
            "alm-examples": json.dumps(yaml.safe_load(about["artifacthub.io/crdsExamples"])),
            "capabilities": about["artifacthub.io/operatorCapabilities"],
            "categories": "Networking",
            "containerImage": _one(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"],
        },
    }
    spec = {**_description(chart), **_apis(chart), "install": _install(objects)}
    spec["relatedImages"] = [{"name": each.target.file_stem, "image": each.reference} for each in images]
    kind = {"apiVersion": "operators.coreos.com/v1alpha1", "kind": "ClusterServiceVersion"}
    return {**kind, "metadata": metadata, "spec": spec}


def _description(chart: Object) -> Object:
    return {
        "displayName": "MailStack",
        "description": _DESCRIPTION,
        "version": chart["version"],
        "maturity": "alpha",
        "minKubeVersion": chart["kubeVersion"].removeprefix(">=").removesuffix("-0"),
        "keywords": chart["keywords"],
        "provider": {"name": chart["maintainers"][0]["name"], "url": chart["home"]},
        "maintainers": [{"name": each["name"], "email": "mailstack@example.org"} for each in chart["maintainers"]],
        "links": yaml.safe_load(chart["annotations"]["artifacthub.io/links"]),
        "icon": [_icon(chart["icon"])],
    }


def _apis(chart: Object) -> Object:
    owned = [
        {key: each[key] for key in ("name", "kind", "version", "displayName", "description")}
        for each in yaml.safe_load(chart["annotations"]["artifacthub.io/crds"])
    ]
    modes = ("OwnNamespace", "SingleNamespace", "MultiNamespace", "AllNamespaces")
    return {
        "customresourcedefinitions": {"owned": owned},
        "installModes": [{"type": mode, "supported": mode == "AllNamespaces"} for mode in modes],
    }


def _install(objects: Sequence[Object]) -> Object:
    """OLM gives the account the rules of `permissions` in the namespaces of the OperatorGroup: here, all."""
    deployment = _one(objects, "Deployment")
    account = deployment["spec"]["template"]["spec"]["serviceAccountName"]
    (rules,) = (each["rules"] for each in objects if _is_own(each))
    leader = _one(objects, "Role")["rules"]
    spec = {
        "clusterPermissions": [{"serviceAccountName": account, "rules": rules}],
        "permissions": [{"serviceAccountName": account, "rules": leader}],
        "deployments": [
            {"name": CHART, "label": deployment["metadata"]["labels"], "spec": deployment["spec"]},
        ],
    }
    return {"strategy": "deployment", "spec": spec}


def _is_own(found: Object) -> bool:
    """Whether it is the ClusterRole of the operator itself."""
    return (found["kind"], found["metadata"]["name"]) == ("ClusterRole", CHART)


def _one(objects: Sequence[Object], kind: str) -> Object:
    (only,) = (each for each in objects if each["kind"] == kind)
    return only


def _free(found: Object) -> Object:
    """Without a namespace of its own: OLM puts it into that of the operator."""
    metadata = {name: value for name, value in found["metadata"].items() if name != "namespace"}
    return {**found, "metadata": metadata}


def _icon(url: str) -> Mapping[str, str]:
    """Of a data: URL, whose content is quoted."""
    media, _, content = url.removeprefix("data:").partition(",")
    return {"mediatype": media, "base64data": base64.b64encode(urllib.parse.unquote(content).encode()).decode()}


def _dump(content: Object) -> str:
    return yaml.safe_dump(content, sort_keys=False, width=120)
