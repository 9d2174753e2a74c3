"""What is in an image, as a CycloneDX document: the packages that dpkg and pip have on their lists."""

import tarfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.parser import HeaderParser
from functools import partial
from typing import IO

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from harness.errors import HarnessError

_STATUS = "var/lib/dpkg/status"
_RELEASE = "usr/lib/os-release"
_PYTHON = ".dist-info/METADATA"


@dataclass(frozen=True)
class Subject:
    """The image that is described: `pinned` is its place in the registry with its digest, `built` when it was made."""

    name: str
    version: str
    pinned: str
    built: datetime

    @property
    def purl(self) -> PackageURL:
        """As package-url has it for `oci`: the version is the digest."""
        place, _, digest = self.pinned.partition("@")
        return PackageURL("oci", None, self.name, digest, {"repository_url": place})


def read(archive: IO[bytes]) -> dict[str, str]:
    """The lists in an image's file system, a tar stream, by their paths."""
    found = {}
    with tarfile.open(fileobj=archive, mode="r|") as files:
        for member in files:
            if member.isfile() and (member.name in (_STATUS, _RELEASE) or member.name.endswith(_PYTHON)):
                content = files.extractfile(member)
                found[member.name] = content.read().decode() if content else ""
    return found


def document(subject: Subject, lists: Mapping[str, str]) -> str:
    """The document, as JSON, sorted, and the same for the same image. Raises HarnessError if its schema refuses it."""
    bom = Bom(components=components(lists), serial_number=uuid.uuid5(uuid.NAMESPACE_URL, subject.pinned))
    bom.metadata.timestamp = subject.built
    bom.metadata.component = Component(
        type=ComponentType.CONTAINER,
        name=subject.name,
        version=subject.version,
        bom_ref=subject.pinned,
        purl=subject.purl,
    )
    bom.register_dependency(bom.metadata.component, bom.components)
    text: str = JsonV1Dot6(bom).output_as_string(indent=2)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise HarnessError(f"the SBOM of {subject.pinned} is not valid: {error}")
    return text + "\n"


def components(lists: Mapping[str, str]) -> list[Component]:
    """Every package on the lists."""
    distro = _distro(lists.get(_RELEASE, ""))
    python = (_python(text) for path, text in lists.items() if path.endswith(_PYTHON))
    return [*map(partial(_debian, distro), _paragraphs(lists.get(_STATUS, ""))), *python]


def _paragraphs(status: str) -> Iterator[Mapping[str, str]]:
    """The installed ones of dpkg's status file (deb822)."""
    for text in filter(None, (part.strip() for part in status.split("\n\n"))):
        fields = dict(HeaderParser().parsestr(text).items())
        if fields.get("Status", "").endswith(" installed"):
            yield fields


def _distro(release: str) -> str:
    """For example `debian-13`, of os-release(5)."""
    fields = dict(line.split("=", 1) for line in release.splitlines() if "=" in line)
    number = fields.get("VERSION_ID", "").strip('"')
    return f"{fields.get('ID', 'debian')}-{number}"


def _debian(distro: str, fields: Mapping[str, str]) -> Component:
    name, version = fields["Package"], fields["Version"]
    qualifiers = {"arch": fields["Architecture"], "distro": distro}
    purl = PackageURL("deb", "debian", name, version, qualifiers)
    source = fields.get("Source", name).partition(" ")[0]
    return _package(purl, properties=[Property(name="mailstack:source", value=source)])


def _python(metadata: str) -> Component:
    """Of the core metadata of an installed distribution."""
    fields = HeaderParser().parsestr(metadata)
    return _package(PackageURL("pypi", None, str(fields["Name"]).lower().replace("_", "-"), str(fields["Version"])))


def _package(purl: PackageURL, properties: Iterable[Property] = ()) -> Component:
    return Component(
        type=ComponentType.LIBRARY,
        name=purl.name,
        version=purl.version,
        bom_ref=purl.to_string(),
        purl=purl,
        properties=properties,
    )
