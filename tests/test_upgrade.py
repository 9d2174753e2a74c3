"""An upgrade from 0.1.0: its objects stay valid, nothing is lost, and pods roll once, for what CHANGELOG.md names."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from mailstack_operator.api.conditions import CHECKS
from mailstack_operator.api.strings import STACK_NAME
from mailstack_operator.cli import manifests
from mailstack_operator.kube.kinds import MAIL_STACK, POD, STATEFUL_SET
from mailstack_operator.kube.metadata import Ref, ref_of
from mailstack_operator.kube.objects import Json, Object, entries, number, section
from mailstack_operator.stack import children, topology
from mailstack_operator.stack.parser import parse
from tests.fake_cluster import settle
from tests.probe import keys
from tests.world import World

DATA = Path(__file__).parent / "data" / "upgrade"
# The checks that the probe of 0.1.0 makes.
OLD_CHECKS = [check for check in CHECKS if check.name in ("lmtp", "verification")]
OLD_IMAGE, NEW_IMAGE = "mailstack/operator:0.1.0", "mailstack/operator:0.2.0"
# What may change of the objects: the probe's listener, the drain, how the containers' scripts get their values, the
# claims' marks, the containers' resources, Dovecot's limits and mailboxes, and how its files are checked.
ALLOWED = (
    r"PersistentVolumeClaim \S+ \.metadata\.annotations",
    r"ConfigMap \S+-postfix \.data\.(main\.cf|master\.cf|\w+\.regexp|defaults)",
    # What running pods follow, with the volumes for it.
    r"ConfigMap \S+-postfix \.data\.(probe|alias_targets|roles|pod|digest)",
    r"StatefulSet \S+ \.spec\.template\.spec\.volumes\[(etc|settings|roles)\]",
    r"ConfigMap \S+-dovecot \.data\.(dovecot\.conf|roles)",
    r"StatefulSet \S+ \.spec\.template\.spec\.(initContainers|containers)\[\w+\]\.volumeMounts\b.*",
    r"StatefulSet \S+ \.spec\.template\.spec\.containers\[postfix\]\.ports\[outgoing\]",
    r"StatefulSet \S+ \.spec\.template\.spec\.(volumes|initContainers)\[check\]",
    r"StatefulSet \S+ \.metadata\.annotations\..*",
    r"StatefulSet \S+ \.spec\.template\.metadata\.annotations\.mailstack\.dev/config-digest",
    r"StatefulSet \S+ \.spec\.template\.spec\.terminationGracePeriodSeconds",
    r"StatefulSet \S+ \.spec\.template\.spec\.(initContainers|containers)\[\w+\]\.(command|args|env|lifecycle)\b.*",
    r"StatefulSet \S+ \.spec\.template\.spec\.(initContainers|containers)\[\w+\]\.resources\b.*",
    r"StatefulSet \S+ \.spec\.template\.spec\.(initContainers|containers)\[\w+\]\.(liveness|startup)Probe\.exec\.\w+",
    # The probe starts beside Postfix.
    r"StatefulSet mail \.spec\.template\.spec\.(initContainers|containers)\[probe\]",
    # The helper that judges the users file: Dovecot and the probe read what it writes.
    r"ConfigMap \S+-dovecot \.data\.dovecot\.conf",
    r"StatefulSet \S+ \.spec\.template\.spec\.(initContainers\[users\]|volumes\[users[-a-z]*\](\.\w+)?)",
    r"StatefulSet \S+ \.spec\.template\.spec\.(initContainers|containers)\[probe\]\.volumeMounts\[users[-a-z]*\]",
    # The helpers' own image.
    r"StatefulSet \S+ \.spec\.template\.spec\.(initContainers|containers)\[(probe|certificates)\]\.image",
)


# The objects that come, by the changelog.
NEW = {"Service apart-outgoing", "PodDisruptionBudget apart"}


def documents(name: str, uid: str = "") -> list[Object]:
    """Those of the file; `uid` is that of their owner."""
    text = (DATA / f"{name}.yaml").read_text(encoding="utf-8").replace(f"uid-of-{name}", uid)
    return [*yaml.safe_load_all(text)]


class Upgrade(World):
    """The cluster that 0.1.0 leaves behind, with a MailStack that is Ready, and the operator of now."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        pair = keys.pair()
        certificate = {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": pair.certificate}
        self.cluster.secrets |= {"mail-tls": certificate, "lmtp-tls": certificate}
        self.cluster.config_maps["mail-aliases"] = {"aliases": b"sales: alice@example.org\n"}
        ready: Json = {"type": "Ready", "status": "True", "reason": "Running", "message": "", "observedGeneration": 1}
        status: Json = {"observedGeneration": 1, "conditions": [ready], "appliedDigest": "0123456789abcdef"}
        stack = self.cluster.put({**documents(name)[0], "status": status})
        for child in documents(name, str(section(stack, "metadata")["uid"]))[1:]:
            self.cluster.put(child)
        settle(self.cluster, self.store, OLD_CHECKS)
        self.before = {ref: found for ref, found in self.cluster.objects.items() if ref.kind != POD.name}
        self.start(image=NEW_IMAGE)

    def children(self) -> dict[Ref, Object]:
        kinds = (POD.name, MAIL_STACK.name)
        return {ref: found for ref, found in self.cluster.objects.items() if ref.kind not in kinds}

    def generations(self) -> dict[str, int]:
        """Of the StatefulSets: one more is one roll of their pods."""
        found = [body for ref, body in self.children().items() if ref.kind == STATEFUL_SET.name]
        return {ref_of(body).name: number(section(body, "metadata"), "generation") for body in found}

    async def finish(self) -> None:
        """The rehearsal passes, and the StatefulSet controller replaces the pods."""
        await self.tried("Succeeded")
        settle(self.cluster, self.store)
        await self.run()
        self.cluster.watch(self.store)
        await self.run()


@pytest.fixture(params=["mail", "apart"])
def upgrade(request: pytest.FixtureRequest) -> Upgrade:
    return Upgrade(request.param)


def differences(before: Json, after: Json, path: str = "") -> Iterator[str]:
    """The paths of what differs; entries of lists go by their name, whatever their order."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from differences(before.get(key), after.get(key), f"{path}.{key}")
    elif (old := _named(before)) is not None and (new := _named(after)) is not None:
        for name in sorted({*old, *new}):
            yield from differences(old.get(name), new.get(name), f"{path}[{name}]")
    elif before != after:
        yield path


def _named(value: Json) -> dict[str, Json] | None:
    if not isinstance(value, list) or not all(isinstance(each, dict) and "name" in each for each in value):
        return None
    return {str(each["name"]): each for each in value if isinstance(each, dict)}


async def test_the_object_is_still_valid(upgrade: Upgrade) -> None:
    await upgrade.run()
    assert upgrade.condition("ConfigValid")["status"] == "True"


async def test_nothing_reaches_the_pods_before_the_rehearsal(upgrade: Upgrade) -> None:
    before = upgrade.generations()
    await upgrade.run()
    assert upgrade.condition("Reconciling")["reason"] == "Rehearsing"
    assert upgrade.generations() == before


async def test_the_pods_roll_once(upgrade: Upgrade) -> None:
    before = upgrade.generations()
    await upgrade.finish()
    assert upgrade.condition("Ready")["status"] == "True"
    assert upgrade.generations() == {name: count + 1 for name, count in before.items()}
    await upgrade.run()
    assert upgrade.cluster.writes == []
    upgrade.start(image=NEW_IMAGE)
    await upgrade.run()
    assert upgrade.cluster.writes == []


async def test_no_object_is_lost(upgrade: Upgrade) -> None:
    await upgrade.finish()
    assert {*upgrade.before} <= {*upgrade.cluster.objects}
    assert {*map(str, upgrade.children())} - NEW == {str(ref) for ref in upgrade.before if ref.kind != MAIL_STACK.name}


async def test_only_what_the_changelog_names_is_different(upgrade: Upgrade) -> None:
    await upgrade.finish()
    found = [
        f"{ref} {path}"
        for ref, body in upgrade.children().items()
        if str(ref) not in NEW
        for path in differences(content(upgrade.before[ref]), content(body))
    ]
    assert [path for path in found if not any(re.fullmatch(allowed, path) for allowed in ALLOWED)] == []


def content(body: Object) -> Object:
    """What is applied; not what the API server adds."""
    metadata = section(body, "metadata")
    kept = ("name", "namespace", "labels", "annotations", "ownerReferences")
    applied = {name: value for name, value in body.items() if name not in ("metadata", "status")}
    return {**applied, "metadata": {name: metadata[name] for name in kept if name in metadata}}


async def test_services_of_master_cf_stay(upgrade: Upgrade) -> None:
    """A listener comes; none goes or changes."""
    ref = next(ref for ref in upgrade.before if ref.name == f"{upgrade.key.name}-postfix" and ref.kind == "ConfigMap")
    before = str(section(upgrade.before[ref], "data")["master.cf"]).splitlines()
    await upgrade.finish()
    after = str(section(upgrade.cluster.objects[ref], "data")["master.cf"]).splitlines()
    assert [line for line in before if line not in after] == []


async def test_the_probe_of_the_old_version_is_believed_until_then(upgrade: Upgrade) -> None:
    """What it does not check is not held against the MailStack: it says nothing of it."""
    await upgrade.run()
    for check in (check for check in CHECKS if not check.optional):
        known = check in OLD_CHECKS
        condition = upgrade.condition(check.condition)
        assert (condition["status"], condition["reason"]) == (
            ("True", "Reachable") if known else ("Unknown", "NotAsked")
        ), check.name


def test_a_name_of_0_1_0_is_one_that_the_operator_runs() -> None:
    crd = next(document for document in documents("chart") if document["kind"] == "CustomResourceDefinition")
    version = entries(section(crd, "spec"), "versions")[0]
    (rule,) = entries(section(version, "schema", "openAPIV3Schema"), "x-kubernetes-validations")
    assert f"size(self.metadata.name) <= {STACK_NAME.max_length} " in str(rule["rule"])


def test_the_data_is_of_the_objects_that_it_names() -> None:
    for name in ("mail", "apart"):
        stack, *children = documents(name)
        assert ref_of(stack) == MAIL_STACK.ref("post", name)
        assert len(children) > 7


async def test_no_volume_becomes_one_of_another_type(upgrade: Upgrade) -> None:
    """Server-side apply keeps what the API server added to the old type, and the API server refuses two types."""
    await upgrade.finish()
    for ref, body in upgrade.children().items():
        if ref.kind == STATEFUL_SET.name:
            before, after = (_volume_types(each) for each in (upgrade.before[ref], body))
            assert {name: after.get(name, kind) for name, kind in before.items()} == before


def _volume_types(stateful_set: Object) -> dict[str, list[str]]:
    volumes = entries(section(stateful_set, "spec", "template", "spec"), "volumes")
    return {str(volume["name"]): sorted({*volume} - {"name"}) for volume in volumes}


# What two MailStacks get for IPv6, filters, DKIM, public Services, policies and placement without a field of these.
COMES_FOR_BOTH = {
    "inet_protocols = all",
    "mynetworks = 127.0.0.0/8 [::1]/128",
    "smtp_address_preference = ipv4",
    "smtpd_helo_required = yes",
    "smtpd_recipient_limit = 100",
    "smtpd_tls_received_header = yes",
    "listen = *, ::",
    "!include_try /run/dovecot/kernel.conf",
    # Beside these, for aliases.
    "alias_targets: ''",
}
COMES = {
    # The last one is for old hashes in Dovecot 2.4.
    "mail": {"smtp_tls_security_level = may", "smtp_tls_loglevel = 1", "auth_allow_weak_schemes = yes"},
    "apart": {"-o smtpd_recipient_limit=1000", "-o smtpd_client_connection_rate_limit=0"},
}
GOES_FROM_BOTH = {"inet_protocols = ipv4", "mynetworks = 127.0.0.0/8", "listen = *"}
# With a unix socket the probe is no sidecar since.
GOES = {"mail": {"restartPolicy: Always"}, "apart": set[str]()}
FOLLOWS_FROM_SCRIPTS = {"command", "args", "env", "annotations", "pod", "digest"}


@pytest.mark.parametrize("name", COMES)
def test_without_a_new_field_only_lines_of_the_servers_files_come(name: str) -> None:
    """Promise: no container, volume, port or object, but for a budget of drains where Postfix has two pods."""
    before, after = (
        {ref_of(body): body for body in found} for found in (documents(f"before/{name}"), _without_new_fields(name))
    )
    assert {str(ref) for ref in {*before} ^ {*after}} == ({"PodDisruptionBudget apart"} if name == "apart" else set())
    old, new = (_lines(found[ref] for ref in before) for found in (before, after))
    old -= _lines(_taken_over(before.values()))
    assert {*(new - old)} == COMES_FOR_BOTH | COMES[name]
    assert {*(old - new)} == GOES_FROM_BOTH | GOES[name]


def _taken_over(found: Iterable[Object]) -> Iterator[Object]:
    """The container that checked Dovecot's files, which Dovecot does itself since; its volume is Dovecot's now."""
    for body in found:
        init = entries(section(body, "spec", "template", "spec"), "initContainers")
        for check in (each for each in init if each["name"] == "check"):
            mounts: list[Json] = [{**each} for each in entries(check, "volumeMounts") if each["name"] != "check"]
            yield {"the container": [{**check, "volumeMounts": mounts}]}


def _without_new_fields(name: str) -> list[Object]:
    """What this version makes of the MailStack of 0.1.0."""
    found = topology.decide(parse(documents(name)[0]), operator_image=OLD_IMAGE)
    return [_without_scripts(child) for child in children.children(found)]


def _without_scripts(body: Mapping[str, Json]) -> Object:
    return {key: _cleared(value) for key, value in body.items() if key not in FOLLOWS_FROM_SCRIPTS}


def _cleared(value: Json) -> Json:
    if isinstance(value, list):
        return [_cleared(each) for each in value]
    return _without_scripts(value) if isinstance(value, dict) else value


def _lines(found: Iterable[Object]) -> Counter[str]:
    """Whatever their order."""
    return Counter(line.strip() for line in manifests.dump(*found).splitlines())


@pytest.mark.parametrize("page", ["docs/upgrade.md", "CHANGELOG.md"])
def test_the_pages_name_each_of_these_lines(page: str) -> None:
    text = (Path(__file__).parents[1] / page).read_text(encoding="utf-8")
    names = {re.split("[ =:]", line.removeprefix("-o "))[0] for line in COMES_FOR_BOTH.union(*COMES.values())}
    assert [name for name in sorted(names) if f"`{name}" not in text] == []
