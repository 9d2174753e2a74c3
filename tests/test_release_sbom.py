"""The list of what is in an image."""

import io
import json
import tarfile
from datetime import UTC, datetime

from release import sbom

STATUS = """\
Package: zlib1g
Status: install ok installed
Maintainer: Somebody <somebody@example.org>
Architecture: amd64
Source: zlib (1:1.3.1-1)
Version: 1:1.3.dfsg+really1.3.1-1+b1
Description: compression library
 Several lines
 .
 of text: with a colon

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""
LISTS = {
    "var/lib/dpkg/status": STATUS,
    "usr/lib/os-release": 'ID=debian\nVERSION_ID="13"\n# a comment\n',
    "opt/mailstack/lib/python3.13/site-packages/PyYAML-6.0.4.dist-info/METADATA": (
        "Metadata-Version: 2.4\nName: PyYAML\nVersion: 6.0.4\n\nVersion: in the text\n"
    ),
}
SUBJECT = sbom.Subject(
    "postfix",
    "3.10-0.2.0",
    f"registry.example.org/mailstack/postfix@sha256:{'ab' * 32}",
    datetime(2026, 1, 2, tzinfo=UTC),
)


def _archive(files: dict[str, str]) -> io.BytesIO:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
        link = tarfile.TarInfo("var/lib/dpkg/status-link.dist-info/METADATA")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    target.seek(0)
    return target


def test_lists_are_found_in_a_file_system() -> None:
    assert sbom.read(_archive({**LISTS, "etc/passwd": "root:x:0:0::/root:/bin/sh\n"})) == LISTS


def test_installed_packages_of_both_lists_are_named_as_scanners_do() -> None:
    assert [each.purl.to_string() for each in sbom.components(LISTS) if each.purl] == [
        "pkg:deb/debian/zlib1g@1:1.3.dfsg%2Breally1.3.1-1%2Bb1?arch=amd64&distro=debian-13",
        "pkg:pypi/pyyaml@6.0.4",
    ]


def test_document_is_about_the_image_and_the_same_each_time() -> None:
    """`document` itself raises where CycloneDX's schema refuses it."""
    text = sbom.document(SUBJECT, LISTS)
    assert text == sbom.document(SUBJECT, dict(reversed(LISTS.items())))
    said = json.loads(text)
    assert said["bomFormat"] == "CycloneDX"
    assert said["metadata"]["component"]["purl"].startswith(f"pkg:oci/postfix@sha256:{'ab' * 32}?repository_url=")
    assert [each["name"] for each in said["components"]] == ["pyyaml", "zlib1g"]
    assert said["components"][1]["properties"] == [{"name": "mailstack:source", "value": "zlib"}]


def test_image_without_packages_has_an_empty_list() -> None:
    """One made from scratch."""
    assert sbom.components(sbom.read(_archive({}))) == []
