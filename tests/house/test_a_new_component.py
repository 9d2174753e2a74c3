"""Components that exist in this file alone: nothing in the package names them, and every part of it has them."""

from dataclasses import replace

from mailstack_operator.kube.objects import Json, Object, entries, section, text
from mailstack_operator.stack import children, containers, topology
from mailstack_operator.stack.component import Asked, Claim, Component
from mailstack_operator.stack.containers import mount
from mailstack_operator.stack.pods import SERVERS
from mailstack_operator.stack.ports import Port
from mailstack_operator.stack.topology import Topology
from tests.stacks import stack

INET: dict[str, Json] = {"spec.delivery": {"listener": {"type": "Inet"}}}


def sieve_of_spam(topology: Topology) -> Component | None:
    """A filter beside Postfix, for stacks with Sieve."""
    if topology.spec.plugins.sieve is None:
        return None
    main: Object = {
        **containers.container("filter", "example.org/filter:1"),
        "volumeMounts": [mount("filter-config", "/etc/filter", read_only=True), mount("learnt", "/var/lib/filter")],
    }
    return Component(
        "filter",
        init=({**containers.container("unpack", "example.org/filter:1"), "volumeMounts": [mount("learnt", "/mnt")]},),
        main=main,
        claims=(Claim("learnt", "1Gi"),),
        files={"filter.conf": lambda: "spam = yes\n"},
        asked=Asked(
            lambda options: replace(options, certificate=(*options.certificate, "/var/lib/filter/key")),
            mounts=(mount("learnt", "/var/lib/filter", read_only=True),),
        ),
        beside="postfix",
    )


def proxy(_: Topology) -> Component:
    """A proxy for IMAP in pods of its own."""
    return Component(
        "proxy",
        main=containers.container("proxy", "example.org/proxy:1"),
        ports=(Port("imap-proxy", 1143, 1143),),
        replicas=2,
    )


TABLE = (*SERVERS, sieve_of_spam, proxy)
SIEVE: dict[str, Json] = {"spec.plugins": {"sieve": {}}}


def child(kind: str, name: str, changes: dict[str, Json]) -> Object:
    found = children.children(topology.decide(stack(changes)), builders=TABLE)
    return next(each for each in found if (each["kind"], section(each, "metadata")["name"]) == (kind, name))


def pod(name: str, changes: dict[str, Json]) -> Object:
    return {**section(child("StatefulSet", name, changes), "spec", "template", "spec")}


def names(parent: Object, field: str) -> list[str]:
    return [text(each, "name") for each in entries(parent, field)]


def test_a_filter_prepares_and_starts_before_postfix_in_its_pod() -> None:
    found = pod("mail", SIEVE)
    assert names(found, "initContainers") == [
        "spool",
        "names",
        "users",
        "unpack",
        "filter",
        "dovecot",
    ]
    assert names(found, "containers") == ["postfix", "probe"]


def test_with_pods_of_its_own_dovecot_is_without_the_filter() -> None:
    assert "filter" in names(pod("mail", {**SIEVE, **INET}), "initContainers")
    assert "filter" not in names(pod("mail-dovecot", {**SIEVE, **INET}), "initContainers")


def test_its_files_and_claims_are_there() -> None:
    assert child("ConfigMap", "mail-filter", SIEVE)["data"] == {"filter.conf": "spam = yes\n"}
    volumes = {text(each, "name"): each for each in entries(pod("mail", SIEVE), "volumes")}
    assert volumes["filter-config"]["configMap"] == {"name": "mail-filter"}
    claims = entries(section(child("StatefulSet", "mail", SIEVE), "spec"), "volumeClaimTemplates")
    assert [section(claim, "metadata")["name"] for claim in claims] == ["queue", "data", "learnt"]


def test_the_probe_asks_it() -> None:
    (probe,) = (each for each in entries(pod("mail", SIEVE), "containers") if each["name"] == "probe")
    assert "--certificate=/var/lib/filter/key" in str(probe["command"])
    assert "learnt" in names({**probe}, "volumeMounts")


def test_a_change_of_its_files_is_tried_and_rolls_the_pods() -> None:
    plan = topology.decide(stack(SIEVE))
    tried = children.rehearsal_config(plan, builders=TABLE)
    assert "mail-rehearsal-filter" in [section(each, "metadata")["name"] for each in tried]
    spec = section(children.rehearsal(plan, "digest", builders=TABLE), "spec")
    assert "filter" in names({**spec}, "initContainers")
    assert {"name": "learnt", "emptyDir": {}} in entries(spec, "volumes")
    assert children.render(plan, TABLE).config_digest != children.render(plan).config_digest


def test_a_proxy_has_pods_of_its_own_and_ports_of_the_service() -> None:
    found = section(child("StatefulSet", "mail-proxy", {}), "spec")
    assert found["replicas"] == 2
    assert names(pod("mail-proxy", {}), "containers") == ["proxy", "probe"]
    assert names(pod("mail-proxy", {}), "initContainers") == []
    assert "imap-proxy" in names({**section(child("Service", "mail", {}), "spec")}, "ports")


def test_a_stack_that_does_not_want_it_is_without_it() -> None:
    assert "filter" not in names(pod("mail", {}), "initContainers")
