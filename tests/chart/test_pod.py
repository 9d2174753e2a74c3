"""The operator's pod: what it may do, how it is asked after, what it is told."""

import pytest
from kubernetes.client.models import V1Container, V1Deployment, V1PodSpec

from mailstack_operator.cli.run_command import run
from mailstack_operator.stack.images import DEFAULTS

from . import helm


def _pod(*settings: str) -> V1PodSpec:
    spec = helm.template(*settings).one(V1Deployment).spec.template.spec
    assert spec is not None
    return spec


def _container(*settings: str) -> V1Container:
    (container,) = _pod(*settings).containers
    return container


def test_pod_runs_as_nobody_in_particular() -> None:
    context = _pod().security_context
    assert context is not None
    assert (context.run_as_non_root, context.run_as_user, context.run_as_group) == (True, None, None)
    assert context.seccomp_profile is not None
    assert context.seccomp_profile.type == "RuntimeDefault"


def test_container_can_change_nothing_and_gain_nothing() -> None:
    context = _container().security_context
    assert context is not None
    assert context.read_only_root_filesystem is True
    assert context.allow_privilege_escalation is False
    assert context.capabilities is not None
    assert (context.capabilities.drop, context.capabilities.add) == (["ALL"], None)


def test_only_tmp_can_be_written_to() -> None:
    pod, (mount,) = _pod(), _container().volume_mounts or []
    (volume,) = pod.volumes or []
    assert (mount.name, mount.mount_path) == (volume.name, "/tmp")  # noqa: S108 - a path in the pod
    assert volume.empty_dir is not None


def _patience(*settings: str) -> list[tuple[str | None, int | None]]:
    found = _pod(*settings).tolerations or []
    return [(each.key, each.toleration_seconds) for each in found]


def test_operator_leaves_a_lost_node_before_five_minutes() -> None:
    """What is first counts, so a toleration of the values does."""
    ours = [("node.kubernetes.io/not-ready", 30), ("node.kubernetes.io/unreachable", 30)]
    own = 'tolerations=[{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "tolerationSeconds": 5}]'
    assert _patience() == ours
    assert _patience("unreachableSeconds=null") == []
    assert _patience(own) == [("node.kubernetes.io/unreachable", 5), *ours]


def test_replicas_prefer_different_nodes() -> None:
    ours, own = _pod().affinity, _pod('affinity={"nodeAffinity": {}}').affinity
    assert ours is not None
    assert ours.pod_anti_affinity is not None
    (term,) = ours.pod_anti_affinity.preferred_during_scheduling_ignored_during_execution or []
    assert term.pod_affinity_term.topology_key == "kubernetes.io/hostname"
    assert own is not None
    assert own.pod_anti_affinity is None


def test_probes_ask_the_paths_that_the_operator_serves() -> None:
    container = _container()
    probes = (container.startup_probe, container.liveness_probe, container.readiness_probe)
    paths = [probe.http_get.path for probe in probes if probe and probe.http_get]
    assert paths == ["/healthz", "/healthz", "/readyz"]


def test_arguments_by_default() -> None:
    assert _container().args == [
        "run",
        "--leader-election",
        "--lease-namespace=mailstack-system",
        "--lease-name=mailstack-operator",
        "--identity=$(POD_NAME)",
        "--image=mailstack/operator:0.1.0",
        "--server-image=dovecot-2.3=mailstack/dovecot:2.3",
        "--server-image=dovecot-2.4=mailstack/dovecot:2.4",
        "--server-image=filter=mailstack/rspamd:3.12",
        "--server-image=postfix=mailstack/postfix:3.10",
        "--rehearsals-per-node=2",
        "--port=8080",
        "--log-level=info",
        "--log-format=json",
    ]


def test_secrets_are_watched_unless_the_values_say_otherwise() -> None:
    assert not [each for each in _container().args or [] if "secrets" in each]
    assert "--no-watch-secrets" in (_container("watch.secrets=false").args or [])


def test_each_watched_namespace_is_an_argument() -> None:
    arguments = _container('watch.namespaces=["mail-a", "mail-b"]').args or []
    assert arguments[:3] == ["run", "--namespace=mail-a", "--namespace=mail-b"]


def test_without_leader_election_two_pods_never_run_at_once() -> None:
    strategy = helm.template("leaderElection.enabled=false").one(V1Deployment).spec.strategy
    assert strategy is not None
    assert strategy.type == "Recreate"
    arguments = _container("leaderElection.enabled=false").args or []
    assert [argument for argument in arguments if "lea" in argument] == ["--no-leader-election"]
    assert "Set replicas=1 or leaderElection.enabled=true" in helm.refusal("leaderElection.enabled=false", "replicas=2")


@pytest.mark.parametrize(
    ("setting", "image"),
    [
        ('image.tag=""', "mailstack/operator:0.1.0"),
        ('image.tag="1.2.3"', "mailstack/operator:1.2.3"),
        ('image.repository="registry.example.org:5000/operator"', "registry.example.org:5000/operator:0.1.0"),
    ],
)
def test_image_is_the_operators_and_its_helpers(setting: str, image: str) -> None:
    container = _container(setting)
    assert container.image == image
    assert f"--image={image}" in (container.args or [])


def _server_images(*settings: str) -> dict[str, str]:
    words = [each.split("=", 2) for each in _container(*settings).args or [] if each.startswith("--server-image=")]
    return {name: reference for _, name, reference in words}


def test_servers_images_are_those_of_the_operator() -> None:
    """So that an upgrade with unchanged values replaces no mail pod."""
    assert _server_images() == dict(DEFAULTS)


@pytest.mark.parametrize("registry", ["registry.example.org", "registry.example.org:5000/mail"])
def test_one_registry_is_put_before_all_images(registry: str) -> None:
    setting = f'image.registry="{registry}"'
    assert _server_images(setting) == {name: f"{registry}/{reference}" for name, reference in DEFAULTS.items()}
    assert _container(setting).image == f"{registry}/mailstack/operator:0.1.0"


@pytest.mark.parametrize("repository", ["other.example.org/postfix", "localhost/postfix", "mirror:5000/postfix"])
def test_registry_of_an_image_is_kept(repository: str) -> None:
    found = _server_images('image.registry="registry.example.org"', f'images.postfix.repository="{repository}"')
    assert (found["postfix"], found["filter"]) == (f"{repository}:3.10", "registry.example.org/mailstack/rspamd:3.12")


@pytest.mark.parametrize(("tag", "written"), [("3.10", ":3.10"), ("", "")])
def test_server_image_by_digest(tag: str, written: str) -> None:
    digest = f"sha256:{'0a' * 32}"
    found = _server_images(f'images.postfix.digest="{digest}"', f'images.postfix.tag="{tag}"')
    assert found["postfix"] == f"mailstack/postfix{written}@{digest}"


def test_operator_takes_the_arguments_of_the_chart() -> None:
    """Its own parser, for every image, with a registry and without."""
    for settings in ((), ('image.registry="registry.example.org:5000/mail"',)):
        words = [each for each in _container(*settings).args or [] if each != "run"]
        parsed = run.make_context("run", words).params["images"]
        assert dict(parsed.given) == _server_images(*settings)


def test_pull_secrets_are_handed_on_by_name() -> None:
    setting = 'image.pullSecrets=[{"name": "registry"}, {"name": "mirror"}]'
    arguments = _container(setting).args or []
    assert [each for each in arguments if "secret" in each] == ["--pull-secret=registry", "--pull-secret=mirror"]
    assert [each.name for each in _pod(setting).image_pull_secrets or []] == ["registry", "mirror"]


def test_no_replica_is_a_replica_count() -> None:
    """A zero is easily taken for "not set" in a template."""
    assert helm.template("replicas=0").one(V1Deployment).spec.replicas == 0
