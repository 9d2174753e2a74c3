"""What the chart makes for the Prometheus operator and for Grafana; off until asked for."""

import json
import re
from itertools import combinations

import pytest
import yaml
from kubernetes.client.models import V1ConfigMap
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import entries
from mailstack_operator.stack import probe, topology
from tests.stacks import stack

from . import helm, promtool

DASHBOARD = helm.CHART / "files/dashboard.json"
# The object that each flag makes.
KINDS = {
    "podMonitor": "PodMonitor",
    "serviceMonitor": "ServiceMonitor",
    "prometheusRule": "PrometheusRule",
    "dashboard": "ConfigMap",
}
RULE = "metrics.prometheusRule.enabled=true"


class Rule(BaseModel):
    model_config = ConfigDict(extra="allow")
    alert: str


class Group(BaseModel):
    name: str
    rules: list[Rule]


class Groups(BaseModel):
    groups: list[Group]

    def alerts(self) -> list[str]:
        return [rule.alert for group in self.groups for rule in group.rules]


def _object(kind: str, *settings: str) -> helm.Manifest:
    (found,) = (each for each in helm.template(*settings).objects if each["kind"] == kind)
    return found


def _groups(*settings: str) -> Groups:
    return Groups.model_validate(_object("PrometheusRule", RULE, *settings)["spec"])


@pytest.mark.parametrize(
    "flags",
    [flags for count in range(len(KINDS) + 1) for flags in combinations(KINDS, count)],
    ids=lambda flags: "+".join(flags) or "nothing",
)
def test_each_flag_makes_its_object_and_nothing_else(flags: tuple[str, ...]) -> None:
    plain = sorted(helm.template().kinds())
    made = helm.template(*(f"metrics.{flag}.enabled=true" for flag in flags)).kinds()
    assert sorted(made) == sorted([*plain, *(KINDS[flag] for flag in flags)])


def test_rules_are_those_that_promtool_tests() -> None:
    assert _groups() == Groups.model_validate(yaml.safe_load(promtool.RULES.read_text()))


def test_promtool_finds_nothing_to_object_to() -> None:
    promtool.run("check", "rules", "--lint=all", "--lint-fatal", str(promtool.RULES))


def test_an_alert_can_be_left_out() -> None:
    left = _groups('metrics.prometheusRule.excludeRules=["MailStackQueueOld"]').alerts()
    assert [name for name in _groups().alerts() if name not in left] == ["MailStackQueueOld"]


def test_an_alert_that_is_none_cannot_be_left_out() -> None:
    words = helm.refusal(RULE, 'metrics.prometheusRule.excludeRules=["MailStackQueueold"]')
    assert "has MailStackQueueold, and there is no such alert. There are: MailStackLMTPDown," in words


def test_dashboard_is_the_file() -> None:
    config_map = helm.template("metrics.dashboard.enabled=true").one(V1ConfigMap)
    assert config_map.data
    assert json.loads(config_map.data["mailstack.json"]) == json.loads(DASHBOARD.read_text())


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


class Model(BaseModel):
    """A part of an object of the Prometheus operator; fields that no test reads are left out."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Relabeling(Model):
    source_labels: list[str] = []
    target_label: str


class Endpoint(Model):
    port: str
    relabelings: list[Relabeling]


class Selector(Model):
    match_labels: dict[str, str]


class PodMonitorSpec(Model):
    selector: Selector
    job_label: str
    pod_metrics_endpoints: list[Endpoint]


def test_probes_are_found_and_named_by_the_labels_that_the_operator_gives() -> None:
    spec = PodMonitorSpec.model_validate(_object("PodMonitor", "metrics.podMonitor.enabled=true")["spec"])
    labels = names.pod_labels("mail", "postfix")
    assert spec.selector.match_labels.items() <= labels.items()
    assert labels[spec.job_label] == "mailstack", "the alerts take up{job=...} by it"
    (endpoint,) = spec.pod_metrics_endpoints
    (port,) = entries(probe.build(topology.decide(stack()), []).main or {}, "ports")
    assert endpoint.port == port["name"]
    source = "__meta_kubernetes_pod_label_" + re.sub(r"\W", "_", names.LABEL_INSTANCE)
    assert endpoint.relabelings == [Relabeling(source_labels=[source], target_label="mailstack")]


def test_monitor_of_a_service_that_is_not_made_is_refused() -> None:
    words = helm.refusal("metrics.serviceMonitor.enabled=true", "metrics.service.enabled=false")
    assert "Set metrics.service.enabled=true" in words


def test_labels_of_the_values_win() -> None:
    """A Prometheus may select by any label, even by one that the chart gives."""
    labels = '{"release": "prometheus", "app.kubernetes.io/part-of": "mail"}'
    metadata = _object("PodMonitor", "metrics.podMonitor.enabled=true", f"metrics.podMonitor.labels={labels}")[
        "metadata"
    ]
    assert isinstance(metadata, dict)
    assert json.loads(labels).items() <= metadata["labels"].items()
