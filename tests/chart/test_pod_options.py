"""The values by which a cluster's administrator fits the operator's pods in: each reaches the field that it names."""

import json
from collections.abc import Iterator, Mapping

import pytest
import yaml
from kubernetes.client.models import (
    V1ClusterRole,
    V1ConfigMap,
    V1Deployment,
    V1NetworkPolicy,
    V1ObjectMeta,
    V1PodDisruptionBudget,
    V1Service,
    V1ServiceAccount,
)

from mailstack_operator.cli.run_command import run

from . import helm
from .test_render import CASES

DIGEST = f"sha256:{'0123456789abcdef' * 4}"
# A value, and where it arrives: the path in the Deployment, and what is there.
ARRIVES: dict[str, tuple[str, object]] = {
    "podSecurityContext.runAsUser=1000650000": ("pod.securityContext.runAsUser", 1000650000),
    "podSecurityContext.fsGroup=2000": ("pod.securityContext.fsGroup", 2000),
    'podSecurityContext.seLinuxOptions={"level": "s0:c1"}': ("pod.securityContext.seLinuxOptions", {"level": "s0:c1"}),
    "containerSecurityContext.runAsUser=1000": ("operator.securityContext.runAsUser", 1000),
    "containerSecurityContext.readOnlyRootFilesystem=false": ("operator.securityContext.readOnlyRootFilesystem", False),
    'extraArgs=["--log-level=error"]': ("operator.args.-1", "--log-level=error"),
    'extraEnv=[{"name": "TZ", "value": "UTC"}]': ("operator.env.-1", {"name": "TZ", "value": "UTC"}),
    'extraEnvFrom=[{"secretRef": {"name": "proxy"}}]': ("operator.envFrom.0", {"secretRef": {"name": "proxy"}}),
    'volumes=[{"name": "ca", "configMap": {"name": "ca"}}]': (
        "pod.volumes.-1",
        {"name": "ca", "configMap": {"name": "ca"}},
    ),
    'volumeMounts=[{"name": "ca", "mountPath": "/etc/ssl/certs"}]': (
        "operator.volumeMounts.-1",
        {"name": "ca", "mountPath": "/etc/ssl/certs"},
    ),
    "startupProbe.failureThreshold=300": ("operator.startupProbe.failureThreshold", 300),
    "livenessProbe.timeoutSeconds=20": ("operator.livenessProbe.timeoutSeconds", 20),
    "readinessProbe.initialDelaySeconds=3": ("operator.readinessProbe.initialDelaySeconds", 3),
    'strategy={"type": "Recreate"}': ("spec.strategy", {"type": "Recreate"}),
    "revisionHistoryLimit=2": ("spec.revisionHistoryLimit", 2),
    "revisionHistoryLimit=0": ("spec.revisionHistoryLimit", 0),
    'deploymentAnnotations={"example.org/team": "mail"}': ("metadata.annotations", {"example.org/team": "mail"}),
    'podAnnotations={"example.org/team": "mail"}': ("template.metadata.annotations", {"example.org/team": "mail"}),
    'schedulerName="own"': ("pod.schedulerName", "own"),
    'runtimeClassName="gvisor"': ("pod.runtimeClassName", "gvisor"),
    'priorityClassName="high"': ("pod.priorityClassName", "high"),
    'dnsPolicy="None"': ("pod.dnsPolicy", "None"),
    'dnsConfig={"nameservers": ["192.0.2.1"]}': ("pod.dnsConfig.nameservers", ["192.0.2.1"]),
    'hostAliases=[{"ip": "192.0.2.1", "hostnames": ["api.example.org"]}]': ("pod.hostAliases.0.ip", "192.0.2.1"),
    'resources={"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}': ("operator.resources.limits.cpu", "2"),
    'image.pullSecrets=[{"name": "registry"}]': ("pod.imagePullSecrets", [{"name": "registry"}]),
}


def _deployment(*settings: str) -> helm.Manifest:
    (found,) = (each for each in helm.template(*settings).objects if each["kind"] == "Deployment")
    return found


def _at(node: object, path: str) -> object:
    for step in path.split("."):
        node = node[int(step)] if isinstance(node, list) else node[step] if isinstance(node, dict) else None
    return node


def _reached(deployment: helm.Manifest, path: str) -> object:
    """What is at the path; it begins in the Deployment, its pods' template or spec, or the container."""
    starts = {
        "metadata": "metadata",
        "spec": "spec",
        "template": "spec.template",
        "pod": "spec.template.spec",
        "operator": "spec.template.spec.containers.0",
    }
    start, _, rest = path.partition(".")
    return _at(deployment, f"{starts[start]}.{rest}")


@pytest.mark.parametrize("setting", ARRIVES)
def test_value_arrives(setting: str) -> None:
    path, expected = ARRIVES[setting]
    assert _reached(_deployment(setting), path) == expected
    # Kubernetes knows every field.
    assert helm.template(setting).one(V1Deployment)


def test_arguments_of_ones_own_come_last() -> None:
    """Of two with the same name the program takes the last."""
    arguments = _reached(_deployment('extraArgs=["--log-level=debug"]'), "operator.args")
    assert isinstance(arguments, list)
    assert arguments.index("--log-level=info") < arguments.index("--log-level=debug")


@pytest.mark.parametrize("case", CASES)
def test_program_takes_the_arguments(case: str) -> None:
    """Those of the chart, and the example of ones of one's own."""
    pod = helm.template(*CASES[case]).one(V1Deployment).spec.template.spec
    assert pod is not None
    program, *arguments = pod.containers[0].args or []
    assert program == run.name
    assert run.make_context(program, arguments)


def test_security_contexts_can_be_left_to_the_cluster() -> None:
    """OpenShift before 4.11 refused a seccomp profile that its policy did not name."""
    pod = _reached(_deployment("podSecurityContext=null", "containerSecurityContext=null"), "template.spec")
    assert "securityContext" not in json.dumps(pod)


def test_no_user_is_named() -> None:
    """Fault: OpenShift's restricted-v2 refuses a user outside the namespace's range. The image names its user."""
    assert "runAsUser" not in json.dumps(_deployment())
    dockerfile = (helm.ROOT / "images/operator/Dockerfile").read_text()
    assert "\nUSER 65532:65532\n" in dockerfile


@pytest.mark.parametrize(
    ("settings", "image"),
    [
        ((f'image.digest="{DIGEST}"',), f"mailstack/operator@{DIGEST}"),
        ((f'image.digest="{DIGEST}"', 'image.tag="1.2.3"'), f"mailstack/operator:1.2.3@{DIGEST}"),
    ],
    ids=["digest", "tag and digest"],
)
def test_digest_decides_what_runs_here_and_in_the_mail_pods(settings: tuple[str, ...], image: str) -> None:
    deployment = _deployment(*settings)
    assert _reached(deployment, "operator.image") == image
    assert f"--image={image}" in json.dumps(deployment)


def test_digest_that_is_none_is_refused() -> None:
    assert "at '/image/digest'" in helm.refusal('image.digest="sha256:0123"')


def test_budget_is_of_the_operators_pods() -> None:
    assert not helm.template().of(V1PodDisruptionBudget)
    render = helm.template("podDisruptionBudget.enabled=true")
    spec = render.one(V1PodDisruptionBudget).spec
    assert spec is not None
    assert spec.selector is not None
    assert spec.selector.match_labels == render.one(V1Deployment).spec.selector.match_labels
    assert (spec.min_available, spec.max_unavailable) == (None, 1)


@pytest.mark.parametrize("value", ["0", "2", '"50%"'])
def test_budget_can_say_how_many_stay(value: str) -> None:
    setting = f'podDisruptionBudget={{"enabled": true, "minAvailable": {value}, "maxUnavailable": ""}}'
    spec = helm.template(setting).one(V1PodDisruptionBudget).spec
    assert spec is not None
    assert (spec.min_available, spec.max_unavailable) == (json.loads(value), None)


def test_budget_with_two_limits_or_none_is_refused() -> None:
    """The API server would say it with less help."""
    assert "set one of them" in helm.refusal("podDisruptionBudget.enabled=true", "podDisruptionBudget.minAvailable=1")
    assert "set one of them" in helm.refusal(
        "podDisruptionBudget.enabled=true", 'podDisruptionBudget.maxUnavailable=""'
    )


def test_network_policy_is_of_the_operators_pods_and_lets_metrics_in() -> None:
    assert not helm.template().of(V1NetworkPolicy)
    render = helm.template("networkPolicy.enabled=true")
    policy = render.one(V1NetworkPolicy).spec
    assert policy is not None
    assert policy.pod_selector is not None
    assert policy.pod_selector.match_labels == render.one(V1Deployment).spec.selector.match_labels
    assert {*(policy.policy_types or [])} == {"Ingress", "Egress"}
    (ingress,) = policy.ingress or []
    assert [port.port for port in ingress.ports or []] == ["http"]
    (egress,) = policy.egress or []
    assert {(port.port, port.protocol) for port in egress.ports or []} >= {(443, "TCP"), (6443, "TCP"), (53, "UDP")}


def test_network_policy_takes_other_rules() -> None:
    rules = (
        'networkPolicy={"enabled": true, "ingress": [], "egress": [{"to": [{"ipBlock": {"cidr": "192.0.2.1/32"}}]}]}'
    )
    policy = helm.template(rules).one(V1NetworkPolicy).spec
    assert policy is not None
    assert policy.ingress == []
    (egress,) = policy.egress or []
    assert egress.to is not None


def _metadata(settings: tuple[str, ...]) -> Iterator[V1ObjectMeta]:
    render = helm.template(*settings)
    yield from (V1ObjectMeta.model_validate(each["metadata"]) for each in render.objects)
    pod = render.one(V1Deployment).spec.template.metadata
    assert pod is not None
    yield pod


EVERY_KIND = (
    "podDisruptionBudget.enabled=true",
    "networkPolicy.enabled=true",
    "metrics.podMonitor.enabled=true",
    "metrics.serviceMonitor.enabled=true",
    "metrics.prometheusRule.enabled=true",
    "metrics.dashboard.enabled=true",
)


def test_common_labels_and_annotations_are_on_every_object_and_pod() -> None:
    common = ('commonLabels={"example.org/cost": "mail"}', 'commonAnnotations={"example.org/owner": "mail"}')
    for metadata in _metadata((*EVERY_KIND, *common)):
        assert _labels(metadata).get("example.org/cost") == "mail", metadata.name
        assert (metadata.annotations or {}).get("example.org/owner") == "mail", metadata.name


def test_common_labels_replace_none_of_the_charts() -> None:
    before = [metadata.labels for metadata in _metadata(EVERY_KIND)]
    own = {"app.kubernetes.io/name": "other", "app.kubernetes.io/managed-by": "mailstack-operator"}
    assert [metadata.labels for metadata in _metadata((*EVERY_KIND, f"commonLabels={json.dumps(own)}"))] == before


def test_labels_of_one_object() -> None:
    render = helm.template('serviceAccount.labels={"a": "b"}', 'metrics.service.labels={"a": "b"}')
    for metadata in (render.one(V1ServiceAccount).metadata, render.one(V1Service).metadata):
        assert _labels(metadata)["a"] == "b"


def test_objects_of_ones_own_come_with_the_release() -> None:
    own = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "own"}, "data": {"a": "{{ not a template }}"}}
    found = helm.template(f"extraObjects={json.dumps([own])}").one(V1ConfigMap)
    assert found.data == own["data"]


# Kubernetes, "Pod Security Standards", level restricted: what the security contexts of pod and container must say.
RESTRICTED: Mapping[str, object] = {
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}
RESTRICTED_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected"}


def test_pods_pass_pod_security_restricted() -> None:
    """`e2e/mailtest/release.py` installs the operator into a namespace that enforces it."""
    pod = _reached(_deployment(), "template.spec")
    assert isinstance(pod, dict)
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & {*pod}
    assert {key for volume in pod["volumes"] for key in volume} - {"name"} <= RESTRICTED_VOLUMES
    (container,) = pod["containers"]
    context = {**pod["securityContext"], **container["securityContext"]}
    assert {key: context.get(key) for key in RESTRICTED} == RESTRICTED
    assert not [port for port in container["ports"] if "hostPort" in port]


def test_roles_for_people_join_those_of_kubernetes() -> None:
    """Fault: nobody but a cluster administrator could use a MailStack."""
    view, edit = _for_people(), _for_people("edit")
    assert view == {("mailstacks", verb) for verb in ("get", "list", "watch")} | {("mailstacks/status", "get")}
    changes = {("mailstacks", verb) for verb in ("create", "update", "patch", "delete", "deletecollection")}
    assert edit == view | changes
    assert _for_people("admin") == edit


def _labels(metadata: V1ObjectMeta | None) -> dict[str, str]:
    return (metadata.labels if metadata else None) or {}


def _for_people(role: str = "view", *settings: str) -> set[tuple[str, str]]:
    """What Kubernetes' own ClusterRole gets of MailStacks: resource and verb."""
    label = f"rbac.authorization.k8s.io/aggregate-to-{role}"
    found = helm.template(*settings).of(V1ClusterRole)
    rules = [rule for each in found if label in _labels(each.metadata) for rule in each.rules or []]
    assert all(rule.api_groups == ["mailstack.dev"] for rule in rules)
    return {(resource, verb) for rule in rules for resource in rule.resources or [] for verb in rule.verbs}


@pytest.mark.parametrize(
    ("settings", "there"),
    [
        (('watch.namespaces=["mail-a"]',), True),
        (("crds.install=false",), True),
        (('watch.namespaces=["mail-a"]', "crds.install=false"), False),
        (("rbac.aggregateClusterRoles=false",), False),
    ],
    ids=["namespaces", "no CRD", "nothing cluster-wide", "off"],
)
def test_roles_for_people_come_with_what_is_cluster_wide(settings: tuple[str, ...], *, there: bool) -> None:
    assert bool(_for_people("view", *settings)) == there


# etc/chart_schema.yaml of helm/chart-testing, by which `ct lint` judges Chart.yaml.
CHART_FIELDS: Mapping[str, type] = {
    **dict.fromkeys(
        ("name", "home", "version", "apiVersion", "appVersion", "description", "icon", "kubeVersion", "type"), str
    ),
    **dict.fromkeys(("keywords", "sources", "maintainers"), list),
    "annotations": dict,
}


def test_chart_says_what_ct_lint_and_artifact_hub_ask_for() -> None:
    chart = yaml.safe_load((helm.CHART / "Chart.yaml").read_text())
    assert {key: type(value) for key, value in chart.items()} == dict(CHART_FIELDS)
    for maintainer in chart["maintainers"]:
        assert {*maintainer} <= {"name", "email", "url"}
        assert maintainer["name"] == "mailstack"
    assert all(isinstance(value, str) for value in chart["annotations"].values())
    (crd,) = yaml.safe_load(chart["annotations"]["artifacthub.io/crds"])
    generated = yaml.safe_load(helm.CRD_FILE.read_text())
    assert crd["name"] == generated["metadata"]["name"]
    assert [crd["version"]] == [version["name"] for version in generated["spec"]["versions"]]
