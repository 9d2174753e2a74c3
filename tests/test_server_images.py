"""The images of the servers: the spec's, else the operator's, which the chart sets."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from click.testing import CliRunner

from harness import images as built
from mailstack_operator.api.crd import custom_resource_definition
from mailstack_operator.cli.main import main
from mailstack_operator.kube.objects import Json, entries, section
from mailstack_operator.stack import children, topology
from mailstack_operator.stack.images import DEFAULTS, ServerImages
from mailstack_operator.stack.schema import spec_schema
from tests.stacks import stack
from tests.world import PODS, REHEARSAL, World

REGISTRY = "registry.example.org:5000/mail"
FROM_REGISTRY = ServerImages({name: f"{REGISTRY}/{reference}" for name, reference in DEFAULTS.items()})
OWN = "example.org/own:2"
FILTERED: dict[str, Json] = {"spec.filter": {}, "spec.plugins": {"sieve": {}}}


def images_of(pod: Mapping[str, Json]) -> dict[str, str]:
    found = [*entries(pod, "initContainers"), *entries(pod, "containers")]
    return {str(each["name"]): str(each["image"]) for each in found}


def run_by(changes: dict[str, Json], images: ServerImages = FROM_REGISTRY) -> dict[str, str]:
    plan = replace(topology.decide(stack({**FILTERED, **changes})), images=images)
    (found,) = (each for each in children.children(plan) if each["kind"] == "StatefulSet")
    return images_of(section(found, "spec", "template", "spec"))


def test_defaults_are_what_make_images_builds() -> None:
    assert set(DEFAULTS.values()) == {image.reference for image in built.images() if image.name != "operator"}


@pytest.mark.parametrize("version", ["2.4", "2.3"])
def test_stack_that_names_none_runs_those_of_the_operator(version: str) -> None:
    found = run_by({"spec.dovecot.version": version})
    assert found["postfix"] == found["spool"] == f"{REGISTRY}/mailstack/postfix:3.10"
    assert found["dovecot"] == found["names"] == f"{REGISTRY}/mailstack/dovecot:{version}"
    assert found["filter"] == f"{REGISTRY}/mailstack/rspamd:3.12"


def test_image_of_the_spec_wins() -> None:
    found = run_by({"spec.postfix.image": OWN, "spec.dovecot.image": OWN, "spec.filter": {"image": OWN}})
    assert found["postfix"] == found["dovecot"] == found["filter"] == OWN


def test_default_that_an_older_crd_wrote_into_the_object_is_no_choice() -> None:
    written: dict[str, Json] = {
        "spec.postfix.image": "mailstack/postfix:3.10",
        "spec.filter": {"image": "mailstack/rspamd:3.12"},
    }
    assert run_by(written) == run_by({})
    assert run_by(written, ServerImages()) == run_by({}, ServerImages())


def test_one_image_can_be_given_alone() -> None:
    found = run_by({}, ServerImages({"filter": OWN}))
    assert (found["filter"], found["postfix"]) == (OWN, "mailstack/postfix:3.10")


def test_crd_writes_no_image_into_an_object() -> None:
    """Else the operator's would never be asked for."""
    assert "'default': 'mailstack/" not in str(custom_resource_definition(spec_schema()))


async def test_another_default_is_rehearsed_before_the_pods_get_it(running: World) -> None:
    running.start(server_images=FROM_REGISTRY)
    await running.run()
    tried, pods = running.cluster.objects[REHEARSAL], running.cluster.objects[PODS]
    assert images_of(section(tried, "spec"))["postfix"] == f"{REGISTRY}/mailstack/postfix:3.10"
    assert images_of(section(pods, "spec", "template", "spec"))["postfix"] == DEFAULTS["postfix"]


async def test_defaults_that_are_the_built_in_ones_replace_no_pod(running: World) -> None:
    running.start(server_images=ServerImages(DEFAULTS))
    await running.run()
    assert running.cluster.writes == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("redis=a", "write NAME=IMAGE with one of the names postfix, dovecot-2.4, dovecot-2.3, filter"),
        ("postfix", "must be an image reference such as mailstack/postfix:3.10"),
        ("postfix=https://registry.example.org/a b", "must be an image reference"),
    ],
)
def test_wrong_option_says_what_to_write(given: str, words: str) -> None:
    result = CliRunner().invoke(main, ["run", f"--server-image={given}"])
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
