"""What the chart's alerts and its dashboard ask of Prometheus."""

import json
import re
from collections.abc import Iterator

import yaml

from harness import paths
from mailtest.kubectl import Kubectl, Object

FILES = paths.repository() / "charts" / "mailstack-operator" / "files"

# A variable of a dashboard lists the values of a label.
_LABEL_VALUES = re.compile(r"^label_values\((.*),\s*(\w+)\)$")
# An annotation of an alert may ask for another series, in Go's template language.
_QUERY = re.compile(r'printf "([^"]*)"[^}|]*\| query')


def page(namespace: str, pod: str, port: int) -> str:
    """What Prometheus would get of the pod's /metrics."""
    return Kubectl()("get", "--raw", f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy/metrics")


def expressions() -> dict[str, str]:
    """Every PromQL expression, by where it stands."""
    return {**dict(_of_alerts()), **dict(_of_panels()), **dict(_of_variables())}


def _of_alerts() -> Iterator[tuple[str, str]]:
    groups: list[Object] = yaml.safe_load((FILES / "alerts.yaml").read_text())["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        where = f"alert {rule['alert']}, {rule['labels']['severity']}"
        yield where, rule["expr"]
        for query in _QUERY.findall(rule["annotations"]["description"]):
            yield f"{where}: its description", query


def _of_panels() -> Iterator[tuple[str, str]]:
    for panel in _dashboard()["panels"]:
        for target in panel["targets"]:
            yield f"panel {panel['title']}, {target['refId']}", target["expr"]


def _of_variables() -> Iterator[tuple[str, str]]:
    for variable in _dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", _LABEL_VALUES.sub(r"count by (\2) (\1)", variable["query"]["query"])


def _dashboard() -> Object:
    found: Object = json.loads((FILES / "dashboard.json").read_text())
    return found
