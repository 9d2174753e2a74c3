"""Where the pods run, what else they are called, and how many of them a drain takes at once."""

import pytest

from mailstack_operator.kube.objects import Json, Object, entries, section
from mailstack_operator.stack import children, topology
from tests.stacks import stack

INET: dict[str, Json] = {"spec.delivery": {"listener": {"type": "Inet"}}}
TWO: dict[str, Json] = {**INET, "spec.postfix": {"replicas": 2}}
SSD: Json = {
    "requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [{"key": "example.org/disk", "operator": "In", "values": ["ssd"]}]}]
    }
}
ALONE: Json = {
    "requiredDuringSchedulingIgnoredDuringExecution": [
        {
            "topologyKey": "kubernetes.io/hostname",
            "labelSelector": {"matchLabels": {"app.kubernetes.io/component": "postfix"}},
        }
    ]
}
ANYWHERE: dict[str, Json] = {"tolerations": [{"operator": "Exists"}], "nodeSelector": {"kubernetes.io/arch": "amd64"}}
SPREAD: Json = [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]


def made(changes: dict[str, Json], kind: str) -> list[Object]:
    return [each for each in children.children(topology.decide(stack(changes))) if each["kind"] == kind]


def templates(changes: dict[str, Json]) -> list[Object]:
    """Of the pods of each server."""
    return [dict(section(each, "spec", "template")) for each in made(changes, "StatefulSet")]


def rehearsal(changes: dict[str, Json]) -> Object:
    return children.rehearsal(topology.decide(stack(changes)), "digest")


def test_every_pod_is_placed_as_the_spec_says() -> None:
    wanted: dict[str, Json] = {
        **ANYWHERE,
        "affinity": {"nodeAffinity": SSD, "podAntiAffinity": ALONE},
        "priorityClassName": "important",
    }
    for template in templates({**INET, "spec.placement": wanted}):
        spec = section(template, "spec")
        assert {name: spec[name] for name in wanted} == wanted | {"tolerations": [{"operator": "Exists"}]}


def test_a_rehearsal_needs_such_a_node_but_no_place_of_its_own() -> None:
    """Fault: with one node the pod that is to be replaced has the only place, and no change would ever pass."""
    wanted: dict[str, Json] = {
        **ANYWHERE,
        "affinity": {"nodeAffinity": SSD, "podAntiAffinity": ALONE},
        "topologySpreadConstraints": SPREAD,
    }
    spec = section(rehearsal({"spec.placement": wanted}), "spec")
    assert section(spec, "affinity") == {"nodeAffinity": SSD}
    assert (spec["tolerations"], spec["nodeSelector"]) == (ANYWHERE["tolerations"], ANYWHERE["nodeSelector"])
    assert "topologySpreadConstraints" not in spec


def test_the_pods_of_each_server_are_spread_by_themselves() -> None:
    for template in templates({**INET, "spec.placement": {"topologySpreadConstraints": SPREAD}}):
        (constraint,) = entries(section(template, "spec"), "topologySpreadConstraints")
        assert section(constraint, "labelSelector", "matchLabels") == section(template, "metadata", "labels")


def test_a_selector_of_the_users_own_stays() -> None:
    own: Json = {"matchLabels": {"app.kubernetes.io/name": "mailstack"}}
    wanted: Json = [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": own}]
    (template,) = templates({"spec.placement": {"topologySpreadConstraints": wanted}})
    assert section(template, "spec")["topologySpreadConstraints"] == wanted


def test_labels_and_annotations_are_added_to_those_of_the_operator() -> None:
    (plain,) = templates({})
    (template,) = templates({"spec.podLabels": {"team": "mail"}, "spec.podAnnotations": {"backup": "no"}})
    labels, annotations = (section(template, "metadata", kind) for kind in ("labels", "annotations"))
    assert labels == {**section(plain, "metadata", "labels"), "team": "mail"}
    assert annotations == {**section(plain, "metadata", "annotations"), "backup": "no"}


def test_a_statefulset_never_selects_by_them() -> None:
    """A selector is immutable."""
    (wanted,) = made({"spec.podLabels": {"team": "mail"}}, "StatefulSet")
    (plain,) = made({}, "StatefulSet")
    assert section(wanted, "spec", "selector") == section(plain, "spec", "selector")


def test_no_service_leads_to_a_rehearsal() -> None:
    """Fault: a Service of the user's own, which selects by such a label, would bring mail to a pod without volumes."""
    found = rehearsal({"spec.podLabels": {"team": "mail"}, "spec.podAnnotations": {"sidecar": "none"}})
    assert "team" not in section(found, "metadata", "labels")
    assert section(found, "metadata", "annotations")["sidecar"] == "none"


def test_the_account_of_the_pods_is_annotated() -> None:
    (account,) = made({"spec.serviceAccountAnnotations": {"example.org/role": "mail"}}, "ServiceAccount")
    assert section(account, "metadata", "annotations") == {"example.org/role": "mail"}
    assert not section(made({}, "ServiceAccount")[0], "metadata", "annotations")


@pytest.mark.parametrize("changes", [{}, INET], ids=["unix", "inet"])
def test_a_single_pod_blocks_no_drain(changes: dict[str, Json]) -> None:
    """A budget of one pod either never permits its eviction, or always."""
    assert made(changes, "PodDisruptionBudget") == []


def test_a_drain_takes_one_of_several_postfix_pods_at_once() -> None:
    (budget,) = made(TWO, "PodDisruptionBudget")
    postfix = templates(TWO)[0]
    assert section(budget, "spec") == {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": section(postfix, "metadata", "labels")},
    }
