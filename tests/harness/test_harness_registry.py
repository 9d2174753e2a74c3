"""A registry that does not answer is given up, once for a run."""

import sys
import time
from pathlib import Path

import pytest

from harness import docker
from harness.docker import Pull, Registry
from harness.shell import Log


@pytest.fixture
def log(tmp_path: Path) -> Log:
    path = tmp_path / "pull.log"
    path.write_text("an earlier line: Pulling from nowhere\n")
    return Log(path)


def python(program: str) -> tuple[str, ...]:
    return (sys.executable, "-c", program)


def test_a_silent_registry_is_given_up(log: Log) -> None:
    start = time.monotonic()
    assert docker.pull(python("import time; time.sleep(60)"), log, patience=0.3) is Pull.SILENT
    assert time.monotonic() - start < 5


def test_a_slow_pull_that_has_begun_is_waited_for(log: Log) -> None:
    program = "print('trixie-slim: Pulling from debian', flush=True); import time; time.sleep(1)"
    assert docker.pull(python(program), log, patience=0.7) is Pull.DONE


@pytest.mark.parametrize(
    ("status", "said", "outcome"),
    [
        (0, "Status: Downloaded newer image", Pull.DONE),
        (1, "manifest for kindest/node:v1.36.3 not found: manifest unknown", Pull.ABSENT),
        (1, "pull access denied for x, repository does not exist or may require login", Pull.ABSENT),
        (1, "dial tcp: lookup registry.example.org: no such host", Pull.SILENT),
        (1, "context deadline exceeded", Pull.SILENT),
    ],
)
def test_what_a_pull_means(status: int, said: str, outcome: Pull) -> None:
    assert docker.verdict(status, said) is outcome


def test_a_silent_registry_is_not_asked_again(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def pull(command: tuple[str, ...], log: Log) -> Pull:
        asked.append(command[-1])
        return Pull.SILENT

    monkeypatch.setattr(docker, "pull", pull)
    registry = Registry()
    assert not registry.pull("debian:trixie-slim", log)
    assert not registry.pull("kindest/node:v1.36.3", log)
    assert asked == ["debian:trixie-slim"]
    assert "no registry answers" in log.path.read_text()


def test_a_registry_that_lacks_one_image_is_asked_for_the_next(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = {"kindest/node:v1.36.3": Pull.ABSENT, "debian:trixie-slim": Pull.DONE}
    monkeypatch.setattr(docker, "pull", lambda command, log: outcomes[command[-1]])
    registry = Registry()
    assert [registry.pull(image, log) for image in outcomes] == [False, True]
