"""Servers of users, and the MailStacks of each: two sets of them, for the modules run side by side."""

from pathlib import Path

import pytest

from conftest import NewNamespace
from external.stacks import Stacks
from mailtest import certificates, manifests, sources
from mailtest.certificates import Authority
from mailtest.sources import Source
from mailtest.stack import Stack

VERSIONS = {"24": "2.4", "23": "2.3"}


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A CA that no MailStack trusts at first."""
    folder: Path = tmp_path_factory.mktemp("stranger")
    return certificates.found(folder)


@pytest.fixture(scope="module")
def servers(new_namespace: NewNamespace, authority: Authority, stranger: Authority) -> dict[str, Source]:
    """One server of each kind, and two MailStacks for each; all start side by side."""
    kubectl = new_namespace("sources")
    found = {name: Source(kubectl, kind) for name, kind in sources.KINDS.items()}
    kubectl.apply(*sources.credentials(authority))
    for source in found.values():
        source.prepare(authority, stranger)
        source.start()
    return found


@pytest.fixture(scope="module")
def stacks(servers: dict[str, Source]) -> Stacks:
    found: Stacks = {}
    for name, source in servers.items():
        for suffix, version in VERSIONS.items():
            stack = Stack(source.kubectl.namespace, f"{name}-{suffix}")
            plugins = {"quota": {"size": "1Gi"}}
            spec = {"users": source.spec, "plugins": plugins, "dovecot": {"version": version}}
            source.kubectl.apply(manifests.mailstack(stack.name, manifests.DOMAIN, **spec))
            found.setdefault(name, []).append(stack)
    return found
