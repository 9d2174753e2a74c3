"""The whole chart as a person reviews it, and what is true of every object in it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from kubernetes.client.models import V1Deployment, V1ObjectMeta, V1Service, V1ServiceAccount

from mailstack_operator.kube import names

from . import helm

GOLDEN = Path(__file__).parent / "golden"
CASES = {
    "defaults": (),
    "two-namespaces": ('watch.namespaces=["mail-a", "mail-b"]',),
    "everything": (
        'fullnameOverride="mail-operator"',
        'image={"repository": "registry.example.org/operator", "tag": "1.2.3", "pullPolicy": "Always", '
        '"pullSecrets": [{"name": "registry"}]}',
        "replicas=3",
        'log={"level": "debug", "format": "text"}',
        'serviceAccount={"name": "mail", "annotations": {"example.org/role": "mail"}}',
        'metrics.service={"port": 9090, "annotations": {"prometheus.io/scrape": "true"}}',
        "terminationGracePeriodSeconds=20",
        'podAnnotations={"example.org/image-key": "1234"}',
        'podLabels={"example.org/team": "mail"}',
        'nodeSelector={"kubernetes.io/os": "linux"}',
        'tolerations=[{"key": "example.org/infra", "operator": "Exists", "effect": "NoSchedule"}]',
        'affinity={"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, '
        '"podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": '
        '{"app.kubernetes.io/name": "mailstack-operator"}}}}]}}',
        'topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", '
        '"whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": '
        '{"app.kubernetes.io/name": "mailstack-operator"}}}]',
        'priorityClassName="system-cluster-critical"',
        'commonLabels={"example.org/cost": "mail"}',
        'commonAnnotations={"example.org/owner": "mail"}',
        "podSecurityContext.runAsUser=1000",
        'extraArgs=["--log-level=error"]',
        'extraEnv=[{"name": "TZ", "value": "UTC"}]',
        'volumes=[{"name": "ca", "configMap": {"name": "ca"}}]',
        'volumeMounts=[{"name": "ca", "mountPath": "/etc/ssl/own", "readOnly": true}]',
        "podDisruptionBudget.enabled=true",
        "networkPolicy.enabled=true",
    ),
    "monitoring": (
        'watch.namespaces=["mail-a", "mail-b"]',
        'metrics.podMonitor={"enabled": true, "labels": {"release": "prometheus"}, "interval": "30s", '
        '"scrapeTimeout": "10s", "relabelings": [{"targetLabel": "cluster", "replacement": "mail"}], '
        '"metricRelabelings": [{"sourceLabels": ["__name__"], "regex": "mailstack_.*", "action": "keep"}]}',
        'metrics.serviceMonitor={"enabled": true, "labels": {"release": "prometheus"}, '
        '"annotations": {"example.org/team": "mail"}}',
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rendered_chart_is_the_golden_one(case: str, golden: Callable[[Path, str], None]) -> None:
    """Without the CRD, which is compared with its own file in test_crd.py."""
    golden(GOLDEN / f"{case}.yaml", helm.template(*CASES[case], "crds.install=false").text)


@pytest.mark.parametrize("case", CASES)
def test_kubernetes_knows_every_field(case: str) -> None:
    render = helm.template(*CASES[case])
    assert render.one(V1Deployment)
    assert render.one(V1Service)
    assert render.one(V1ServiceAccount)


@pytest.mark.parametrize("case", CASES)
def test_only_these_kinds(case: str) -> None:
    """No Namespace, no hook, no Secret."""
    allowed = {
        "ServiceAccount",
        "CustomResourceDefinition",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
        "Service",
        "Deployment",
        "PodMonitor",
        "ServiceMonitor",
        "PodDisruptionBudget",
        "NetworkPolicy",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
    render = helm.template(*CASES[case])
    assert set(render.kinds()) <= allowed
    assert "helm.sh/hook" not in render.text


def _metadata(manifest: helm.Manifest) -> V1ObjectMeta:
    return V1ObjectMeta.model_validate(manifest["metadata"])


@pytest.mark.parametrize("case", CASES)
def test_operator_never_takes_an_object_of_the_chart_for_a_child(case: str) -> None:
    """Else it would prune its own Deployment."""
    wanted = dict(pair.split("=") for pair in names.CHILD_SELECTOR.split(","))
    render = helm.template(*CASES[case], 'nameOverride="mailstack"')
    pod = render.one(V1Deployment).spec.template.metadata
    assert pod is not None
    for metadata in (*map(_metadata, render.objects), pod):
        labels = metadata.labels or {}
        assert not wanted.items() <= labels.items(), metadata.name


def test_pod_labels_cannot_displace_those_that_the_services_select_by() -> None:
    render = helm.template('podLabels={"app.kubernetes.io/name": "other", "example.org/team": "mail"}')
    deployment = render.one(V1Deployment)
    labels = deployment.spec.template.metadata.labels if deployment.spec.template.metadata else None
    assert labels
    assert labels["example.org/team"] == "mail"
    for selector in (deployment.spec.selector.match_labels, _service_selector(render)):
        assert selector
        assert selector.items() <= labels.items()


def _service_selector(render: helm.Render) -> dict[str, str] | None:
    spec = render.one(V1Service).spec
    assert spec is not None
    return spec.selector


def test_names_fit_whatever_the_release_is_called() -> None:
    """63 characters is the most that a Service's name and a label may have; a release has 53 at most.

    The name of a policy may have 253, with a namespace in it.
    """
    render = helm.template(release="r" * 53)
    for kind, metadata in zip(render.kinds(), map(_metadata, render.objects), strict=True):
        assert metadata.name is not None
        longest = 253 - 63 if kind.startswith("ValidatingAdmission") else 63
        assert metadata.name == "mailstacks.mailstack.dev" or len(metadata.name) <= longest
        for value in (metadata.labels or {}).values():
            assert re.fullmatch(r"[A-Za-z0-9][-\w.]{0,62}", value)


def test_metrics_service_can_be_left_out() -> None:
    assert not helm.template("metrics.service.enabled=false").of(V1Service)


def test_lint_has_nothing_to_say() -> None:
    assert "0 chart(s) failed" in helm.output("lint", "--strict", str(helm.CHART))
