"""Which images there are, what each is built from, and when it is built again."""

import re

import pytest

from harness import __main__ as commands
from harness import apt, base, cluster, docker, engine, images, paths, versions
from harness.docker import Recipe
from harness.errors import HarnessError
from harness.images import Image
from harness.shell import Log
from harness.step import Report

EVERY = [*images.images(), *images.images_for_e2e()]
OLD_DOVECOT = "mailstack/dovecot:2.3"

Built = dict[str, Recipe]


@pytest.fixture
def ids() -> dict[str, str]:
    """The content ids of the engine's images."""
    return {base.own(suite): f"id of {suite}" for suite in (versions.DEBIAN, versions.OLD_DEBIAN)}


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, ids: dict[str, str]) -> Built:
    """An engine that has the base images, and keeps what else it is told to build; no cluster runs."""
    recipes: Built = {}
    kept = {base.own(suite): base.key(suite) for suite in (versions.DEBIAN, versions.OLD_DEBIAN)}

    def build(image: str, recipe: Recipe, key: str, log: Log) -> None:
        recipes[image] = recipe
        kept[image] = key

    def nothing(*_: object) -> None:
        pass

    monkeypatch.setattr(docker, "key", kept.get)
    monkeypatch.setattr(docker, "image_id", ids.get)
    monkeypatch.setattr(docker, "build", build)
    monkeypatch.setattr(docker, "prune", nothing)
    monkeypatch.setattr(engine, "ensure", nothing)
    monkeypatch.setattr(cluster, "is_running", lambda: False)
    return recipes


def dockerfile_default(image: str, argument: str) -> str:
    """What the Dockerfile of an image takes where the harness gives no argument."""
    found = re.search(rf"^ARG {argument}=(\S+)$", Image(image, "").dockerfile.read_text(), re.MULTILINE)
    assert found, f"images/{image}/Dockerfile has no ARG {argument}"
    return found[1]


def test_every_image_has_its_inputs() -> None:
    for image in EVERY:
        assert image.dockerfile.is_file()
        assert all(path.exists() for path in image.inputs()), image.title


def test_the_context_of_the_operator_is_what_goes_in() -> None:
    operator = next(image for image in images.images() if image.name == "operator")
    names = {str(path.relative_to(paths.repository())) for path in operator.inputs()}
    assert names == {
        "operator",
        "images/operator/prune.py",
        "pyproject.toml",
        "README.md",
        "requirements/build.txt",
        "requirements/operator.txt",
    }


def test_no_two_images_share_a_name_or_a_log() -> None:
    assert len({image.reference for image in EVERY}) == len(EVERY)
    assert len({image.title for image in EVERY}) == len(EVERY)


def test_an_image_for_tests_is_named_so() -> None:
    assert all("e2e-" in image.reference for image in images.images_for_e2e())
    assert not any("e2e" in image.reference for image in images.images())


@pytest.mark.parametrize("image", EVERY, ids=lambda image: image.title)
def test_a_dockerfile_knows_every_argument_it_is_given(image: Image) -> None:
    for name in image.arguments:
        assert dockerfile_default(image.name, name)


def test_the_colliding_ids_are_those_of_the_dovecot_image() -> None:
    postfix = next(image for image in images.images_for_e2e() if image.version == "e2e-ids-collide")
    assert postfix.arguments["POSTFIX_UID"] == dockerfile_default("dovecot", "DOVECOT_UID")
    assert postfix.arguments["POSTFIX_GID"] == dockerfile_default("dovecot", "DOVENULL_UID")


def test_an_image_stands_on_its_own_debian(report: Report, built: Built) -> None:
    images.ensure(report)
    assert set(built) == {image.reference for image in images.images()}
    assert built["mailstack/dovecot:2.4"].arguments == {"BASE_IMAGE": "mailstack/debian:trixie-slim", "VERSION": "2.4"}
    assert built[OLD_DOVECOT].arguments["BASE_IMAGE"] == "mailstack/debian:bookworm-slim"


def test_the_images_for_tests_are_built_beside_the_others(report: Report, built: Built) -> None:
    images.ensure(report, images.images_for_e2e())
    assert set(built) == {image.reference for image in EVERY}
    assert built["mailstack/postfix:e2e-ids-5555"].arguments["POSTFIX_UID"] == "5555"


def test_an_unchanged_image_is_not_built_again(report: Report, built: Built) -> None:
    images.ensure(report)
    built.clear()
    images.ensure(report)
    assert not built


def test_a_new_base_image_rebuilds_what_stands_on_it(report: Report, built: Built, ids: dict[str, str]) -> None:
    images.ensure(report)
    built.clear()
    ids[base.own(versions.OLD_DEBIAN)] = "another id"
    images.ensure(report)
    assert list(built) == [OLD_DOVECOT]


def test_another_argument_rebuilds_an_image(report: Report, built: Built) -> None:
    images.ensure(report, [Image("postfix", "e2e-1", arguments={"POSTFIX_UID": "1"})])
    built.clear()
    images.ensure(report, [Image("postfix", "e2e-1", arguments={"POSTFIX_UID": "2"})])
    assert list(built) == ["mailstack/postfix:e2e-1"]


def test_an_image_that_is_not_built_has_no_key(built: Built) -> None:
    with pytest.raises(HarnessError, match=r"mailstack/postfix:3\.10 is not built: run `make images`"):
        images.image_key("postfix")


@pytest.mark.parametrize(("flags", "wanted"), [([], images.images()), (["--e2e"], EVERY)])
def test_the_flag_for_tests_adds_their_images(flags: list[str], wanted: list[Image], built: Built) -> None:
    assert commands.main(["images", *flags]) == 0
    assert set(built) == {image.reference for image in wanted}


def test_debian_12_comes_from_the_same_mirrors(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = "deb [signed-by=key] http://mirror.example.org/trixie/debian/"
    monkeypatch.setattr(apt, "sources", lambda: [f"{archive} trixie main", f"{archive} trixie-security main"])
    assert base.sources("bookworm") == [f"{archive} bookworm main", f"{archive} bookworm-security main"]
    assert base.sources(versions.DEBIAN) == apt.sources()


def test_each_suite_has_a_base_image_and_a_key_of_its_own() -> None:
    assert base.own("bookworm") == "mailstack/debian:bookworm-slim"
    assert base.key("bookworm") != base.key("trixie")
    assert base.key() == base.key(versions.DEBIAN)


def test_a_base_image_of_the_registry_goes_first(built: Built, ids: dict[str, str]) -> None:
    assert base.present("bookworm") == "mailstack/debian:bookworm-slim"
    ids["debian:bookworm-slim"] = "id of the registry's"
    assert base.present("bookworm") == "debian:bookworm-slim"
    assert base.present("trixie") == "mailstack/debian:trixie-slim"
