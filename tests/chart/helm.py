"""Runs Helm on the chart and reads what it renders into the Kubernetes client's strict models."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/mailstack-operator"
CRD_FILE = ROOT / "crds/mailstacks.yaml"
RELEASE = "mailstack-operator"
NAMESPACE = "mailstack-system"
SECONDS = 30

Manifest = dict[str, object]
Model = TypeVar("Model", bound=BaseModel)


class HelmMissingError(Exception):
    """There is no Helm to test the chart with."""


@dataclass(frozen=True)
class Render:
    """What `helm template` prints: the text, and its objects in order."""

    text: str
    objects: Sequence[Manifest]

    def kinds(self) -> list[str]:
        return [str(manifest["kind"]) for manifest in self.objects]

    def of(self, model: type[Model]) -> list[Model]:
        """The objects of the model's kind; a field that Kubernetes does not know is an error."""
        kind = model.__name__.removeprefix("V1")
        return [model.model_validate(manifest) for manifest in self.objects if manifest["kind"] == kind]

    def one(self, model: type[Model]) -> Model:
        (only,) = self.of(model)
        return only


@cache
def program() -> str:
    """Path of Helm: $HELM, or helm on PATH.

    Raises HelmMissingError, because a chart that is not tested is not known to work.
    """
    found = shutil.which(os.environ.get("HELM", "helm"))
    if not found:
        raise HelmMissingError(
            "No helm: set HELM to its path or put it on PATH. "
            "`PYTHONPATH=e2e python3 -m harness tools` builds one, and the same with `env` prints the PATH."
        )
    return found


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Helm with these arguments, without a cluster; the exit code is the caller's to judge."""
    environment = {**os.environ, "KUBECONFIG": os.devnull}
    return subprocess.run(
        [program(), *arguments], capture_output=True, text=True, timeout=SECONDS, check=False, env=environment
    )


def output(*arguments: str) -> str:
    """What Helm prints; an AssertionError with its words if it fails."""
    done = run(*arguments)
    assert done.returncode == 0, f"helm {' '.join(arguments)}\n{done.stderr}"
    return done.stdout


def _values(settings: Sequence[str]) -> list[str]:
    """`--set-json` options; a setting is KEY=JSON."""
    return [word for setting in settings for word in ("--set-json", setting)]


@cache
def template(*settings: str, release: str = RELEASE, chart: Path = CHART) -> Render:
    """The chart rendered with `settings`, each KEY=JSON; the same ones only once, to keep the tests fast."""
    text = output("template", release, str(chart), "--namespace", NAMESPACE, *_values(settings))
    # The C parser: the CRD is long.
    return Render(text, [manifest for manifest in yaml.load_all(text, yaml.CSafeLoader) if manifest])


def refusal(*settings: str) -> str:
    """The words with which the chart refuses `settings`."""
    done = run("template", RELEASE, str(CHART), "--namespace", NAMESPACE, *_values(settings))
    assert done.returncode != 0, f"not refused: {settings}"
    return done.stderr


def notes(*settings: str) -> str:
    """What `helm install` tells the person at the end."""
    words = ["install", RELEASE, str(CHART), "--namespace", NAMESPACE, "--dry-run=client", *_values(settings)]
    return output(*words).partition("\nNOTES:\n")[2]
