"""What a release consists of, and where each part goes. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.images import Image

CHART = "mailstack-operator"
#: Where the chart's values have each image; those of Dovecot by version.
_VALUES = {"operator": ("image",), "postfix": ("images", "postfix"), "rspamd": ("images", "filter")}


@dataclass(frozen=True)
class Target:
    """An image of the release, and where it goes. `registry` may have a path, such as registry.example.org/mail."""

    image: Image
    registry: str
    version: str

    @property
    def tag(self) -> str:
        """Unique to the release, so that its content never changes: `3.10-0.2.0`; the operator's is the version."""
        own = self.image.version
        return own if own == self.version else f"{own}-{self.version}"

    @property
    def place(self) -> str:
        """Without the tag; behind the registry it is the repository that the chart's values name."""
        return f"{self.registry}/mailstack/{self.image.name}"

    @property
    def reference(self) -> str:
        """What is pushed."""
        return f"{self.place}:{self.tag}"

    @property
    def file_stem(self) -> str:
        """For files about it, such as `postfix-3.10`."""
        return f"{self.image.name}-{self.image.version}"

    @property
    def sbom(self) -> str:
        """The file that lists what is in the image."""
        return f"{self.file_stem}.cdx.json"

    @property
    def value(self) -> tuple[str, ...]:
        """Its path in the chart's values."""
        return _VALUES.get(self.image.name) or ("images", self.image.name, self.image.version)


@dataclass(frozen=True)
class Pushed:
    """An image in the registry: `digest` is that of its manifest, `sha256:...`."""

    target: Target
    digest: str

    @property
    def pinned(self) -> str:
        """What is signed: by digest, without the tag."""
        return f"{self.target.place}@{self.digest}"

    @property
    def reference(self) -> str:
        """What a pod runs: the tag is for people, the digest decides."""
        return f"{self.target.reference}@{self.digest}"


@dataclass(frozen=True)
class PushedChart:
    """The chart in the registry; helm puts it below `charts`."""

    registry: str
    version: str
    digest: str

    @property
    def place(self) -> str:
        """For `helm install`, with `oci://` before it."""
        return f"{chart_folder(self.registry)}/{CHART}"

    @property
    def pinned(self) -> str:
        """What is signed."""
        return f"{self.place}@{self.digest}"


def chart_folder(registry: str) -> str:
    """Where `helm push` puts the chart, with `oci://` before it."""
    return f"{registry}/charts"


def is_plain_http(registry: str) -> bool:
    """Whether the registry is on this machine, where Docker, too, does not ask for TLS."""
    return re.match(r"(localhost|127\.[0-9.]+)(:|/|$)", registry) is not None


def manifest(images: Sequence[Pushed], chart: PushedChart, files: Mapping[str, str], *, is_signed: bool) -> str:
    """manifest.json: what was pushed, by digest, and the other files by the SHA-256 of their content."""
    pushed = [{"image": each.target.reference, "digest": each.digest, "sbom": each.target.sbom} for each in images]
    whole = {
        "version": chart.version,
        "images": pushed,
        "chart": {"chart": f"oci://{chart.place}", "digest": chart.digest},
        "files": {name: f"sha256:{digest}" for name, digest in sorted(files.items())},
        "signed": is_signed,
    }
    return json.dumps(whole, indent=2) + "\n"
