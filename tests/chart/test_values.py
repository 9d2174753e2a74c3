"""What a person writes and reads: values, their table in the README, the notes after an install."""

import json
import re
from collections.abc import Iterator, Mapping

import pytest
import yaml

from mailstack_operator.stack import parser

from . import helm

REFUSED = {
    "misspelt": ('image.tagg="1"', "'tagg' not allowed"),
    "misspelt at the top": ("replica=2", "'replica' not allowed"),
    "misspelt group": ('wach.namespaces=["a"]', "'wach' not allowed"),
    "misspelt resource group": ('resources.limit={"memory": "1Gi"}', "'limit' not allowed"),
    "misspelt toleration": ('tolerations=[{"keey": "a"}]', "'keey' not allowed"),
    "a word for a number": ('replicas="2"', "at '/replicas': got string, want integer"),
    "a negative number": ("replicas=-1", "at '/replicas'"),
    "a number for a tag": ("image.tag=1.5", "at '/image/tag': got number, want string"),
    "a tag in the repository's place": ('image.repository="mailstack/operator:1"', "at '/image/repository'"),
    "a registry with a scheme": ('image.registry="https://registry.example.org"', "at '/image/registry'"),
    "a server that has no image": ('images.redis={"repository": "a"}', "'redis' not allowed"),
    "a version that there is none of": ('images.dovecot={"2.5": {"repository": "a", "tag": "1"}}', "'2.5' not allowed"),
    "neither a tag nor a digest": ('images.postfix.tag=""', "at '/images/postfix/tag'"),
    "a digest that is none": ('images.filter.digest="3.12"', "at '/images/filter/digest'"),
    "a policy that is none": ('image.pullPolicy="Sometimes"', "'Always', 'IfNotPresent', 'Never'"),
    "a level that is none": ('log.level="trace"', "'debug', 'info', 'warning'"),
    "a word for a list": ('watch.namespaces="mail"', "at '/watch/namespaces': got string, want array"),
    "a namespace that is none": ('watch.namespaces=["Mail"]', "at '/watch/namespaces/0'"),
    "a namespace twice": ('watch.namespaces=["mail", "mail"]', "at '/watch/namespaces'"),
    "an option in a namespace": ('watch.namespaces=["--port=1"]', "at '/watch/namespaces/0'"),
    "a port that is none": ("metrics.service.port=70000", "at '/metrics/service/port'"),
    "misspelt monitor": ("metrics.podMonitor.enable=true", "'enable' not allowed"),
    "misspelt relabeling": ('metrics.podMonitor.relabelings=[{"source": "a"}]', "'source' not allowed"),
    "a number for a duration": ("metrics.serviceMonitor.interval=30", "at '/metrics/serviceMonitor/interval'"),
    "a duration without a unit": ('metrics.podMonitor.interval="30"', "at '/metrics/podMonitor/interval'"),
    "a unit that is none": ('resources.requests.cpu="50 m"', "at '/resources/requests/cpu'"),
    "an action that is none": (
        'admissionPolicy.validationActions=["Refuse"]',
        "at '/admissionPolicy/validationActions/0'",
    ),
    "no action": ("admissionPolicy.validationActions=[]", "at '/admissionPolicy/validationActions'"),
    "actions that exclude each other": ('admissionPolicy.validationActions=["Deny", "Warn"]', "validationActions"),
    "CEL in a label": (
        "admissionPolicy.allowedMetadata=[\"a' || true || '\"]",
        "at '/admissionPolicy/allowedMetadata/0'",
    ),
    "too little time to end": ("terminationGracePeriodSeconds=1", "at '/terminationGracePeriodSeconds'"),
    "a group taken away": ("crds=null", "crds"),
    "misspelt security context": ("podSecurityContext.runAsUsr=1", "'runAsUsr' not allowed"),
    "a field of the container in the pod": ("podSecurityContext.privileged=true", "'privileged' not allowed"),
    "misspelt capabilities": ('containerSecurityContext.capabilities.dropp=["ALL"]', "'dropp' not allowed"),
    "a word for arguments": ('extraArgs="--log-level=error"', "at '/extraArgs': got string, want array"),
    "an argument that is no option": ('extraArgs=["run"]', "at '/extraArgs/0'"),
    "a variable without a name": ('extraEnv=[{"value": "a"}]', "at '/extraEnv/0': missing property 'name'"),
    "a volume without a name": ('volumes=[{"emptyDir": {}}]', "at '/volumes/0': missing property 'name'"),
    "a mount without a path": ('volumeMounts=[{"name": "a"}]', "at '/volumeMounts/0': missing property 'mountPath'"),
    "the mount of the chart": ('volumeMounts=[{"name": "a", "mountPath": "/tmp"}]', "at '/volumeMounts/0/mountPath'"),
    "another way to ask": ('livenessProbe.exec={"command": ["true"]}', "'exec' not allowed"),
    "misspelt strategy": ('strategy.type="Rolling"', "'RollingUpdate', 'Recreate'"),
    "misspelt rule": ('networkPolicy.egress=[{"too": []}]', "'too' not allowed"),
    "a share that is none": ('podDisruptionBudget.minAvailable="half"', "at '/podDisruptionBudget/minAvailable'"),
    "misspelt role": ("rbac.aggregate=false", "'aggregate' not allowed"),
    "a number for a label": ("commonLabels.a=1", "at '/commonLabels/a': got number, want string"),
    "misspelt DNS policy": ('dnsPolicy="none"', "at '/dnsPolicy'"),
    "an object without a kind": ('extraObjects=[{"apiVersion": "v1", "metadata": {}}]', "missing property 'kind'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_value_is_refused_by_name(case: str) -> None:
    setting, words = REFUSED[case]
    assert words in helm.refusal(setting)


def test_chart_can_be_a_subchart() -> None:
    """Helm hands `global` to every subchart."""
    assert helm.template('global={"imageRegistry": "registry.example.org"}').objects


def _leaves(values: Mapping[str, object], above: str = "") -> Iterator[tuple[str, object]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _default_values() -> dict[str, object]:
    return dict(_leaves(yaml.safe_load((helm.CHART / "values.yaml").read_text())))


def test_table_of_the_readme_is_true() -> None:
    readme = (helm.CHART / "README.md").read_text()
    rows = re.findall(r"^\| `(\S+)` \| `(.+?)` \| .+ \|$", readme, re.MULTILINE)
    assert [(key, json.loads(default)) for key, default in rows] == list(_default_values().items())


# As in Kubernetes: the values give only what differs from its defaults.
OPEN = ("podSecurityContext", "containerSecurityContext", "startupProbe", "livenessProbe", "readinessProbe")


def test_schema_knows_exactly_the_values() -> None:
    """`global` apart. Deeper than two levels, the table of bad values shows it."""
    schema = json.loads((helm.CHART / "values.schema.json").read_text())
    values = yaml.safe_load((helm.CHART / "values.yaml").read_text())
    assert set(schema["properties"]) - {"global"} == set(values)
    for group in [key for key, value in values.items() if isinstance(value, dict) and value]:
        known = schema["properties"][group].get("properties") or schema["definitions"]["probe"]["properties"]
        assert set(known) == set(values[group]) or (group in OPEN and set(known) > set(values[group])), group


def test_mailstack_of_the_notes_is_valid() -> None:
    manifest = re.search(r"<<'EOF'\n(.+?)\n +EOF\n", helm.notes(), re.DOTALL)
    assert manifest is not None
    assert len(manifest[1].splitlines()) == 10
    assert parser.parse(yaml.safe_load(manifest[1])).spec.domains == ["example.org"]


def test_notes_name_the_namespaces_and_the_commands() -> None:
    notes = helm.notes('watch.namespaces=["mail-a", "mail-b"]')
    assert "the namespaces mail-a, mail-b." in notes
    assert "kubectl -n mail-a apply -f -" in notes
    assert "kubectl -n mail-a get mailstack mail" in notes
    assert "helm -n mailstack-system uninstall mailstack-operator" in notes


def test_notes_tell_what_the_mail_pods_need_of_a_registry_with_credentials() -> None:
    assert "pullSecrets" not in helm.notes()
    account = 'patch serviceaccount default --patch \'{"imagePullSecrets":[{"name":"registry"}]}\''
    assert account in helm.notes('image.pullSecrets=[{"name": "registry"}]')


def test_notes_warn_where_an_uninstall_deletes_the_mailstacks() -> None:
    assert "WARNING" not in helm.notes()
    assert "WARNING" in helm.notes("crds.keep=false")
    assert "is not this release's" in helm.notes("crds.install=false")
