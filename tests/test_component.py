"""A pod is assembled from components: in which order, and from which volumes."""

import pytest

from mailstack_operator.kube.objects import Json, Object, entries, text
from mailstack_operator.stack import containers
from mailstack_operator.stack.component import Claim, Component, assemble, without_state
from mailstack_operator.stack.containers import mount


def container(name: str, *volumes: str) -> Object:
    mounts: list[Json] = [mount(volume, f"/{volume}") for volume in volumes]
    return {**containers.container(name, "image"), "volumeMounts": mounts}


def test_a_server_starts_after_all_preparations_and_those_it_asks() -> None:
    front = Component("front", init=(container("prepare-front"),), main=container("front"))
    back = Component("back", init=(container("prepare-back"),), main=container("back"))
    pod = assemble("mail", [front, back])
    assert [text(one, "name") for one in entries(pod, "initContainers")] == ["prepare-front", "prepare-back", "back"]
    assert [text(one, "restartPolicy") for one in entries(pod, "initContainers")] == ["", "", "Always"]
    assert [text(one, "name") for one in entries(pod, "containers")] == ["front"]


def test_nobody_waits_for_a_component_that_is_not_awaited() -> None:
    """It starts with the first, and is not what the pod is known by."""
    front, back = (Component(name, main=container(name)) for name in ("front", "back"))
    pod = assemble("mail", [Component("aside", main=container("aside"), awaited=False), front, back])
    assert [text(one, "name") for one in entries(pod, "initContainers")] == ["back"]
    assert [text(one, "name") for one in entries(pod, "containers")] == ["front", "aside"]


def test_a_mount_without_a_volume_is_an_error() -> None:
    with pytest.raises(ValueError, match="container front mounts spool, a volume that no component brings"):
        assemble("mail", [Component("front", main=container("front", "spool"))])


def test_a_volume_without_a_mount_is_an_error() -> None:
    front = Component("front", main=container("front"), volumes=(containers.empty("spool"),))
    with pytest.raises(ValueError, match="no container mounts spool"):
        assemble("mail", [front])


def test_two_components_share_a_volume_only_if_they_mean_the_same() -> None:
    front = Component("front", main=container("front", "ids"), volumes=(containers.empty("ids"),))
    assert len(entries(assemble("mail", [front, front]), "volumes")) == 1
    other = Component("back", volumes=({"name": "ids", "configMap": {"name": "ids"}},))
    with pytest.raises(ValueError, match="different volumes ids"):
        assemble("mail", [front, other])


def test_a_claim_is_a_volume_of_the_stateful_set_and_empty_without_state() -> None:
    front = Component("front", main=container("front", "spool"), claims=(Claim("spool", "1Gi"),))
    assert assemble("mail", [front])["volumes"] == []
    assert assemble("mail", [without_state(front)])["volumes"] == [containers.empty("spool")]
