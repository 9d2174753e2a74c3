"""The MailStacks of the matrix. Those of a listener are created at once, and one worker runs their tests."""

from collections.abc import Iterator

import pytest

from conftest import NewNamespace, namespaces
from mailtest import manifests
from mailtest.kubectl import Kubectl, Object
from mailtest.stack import Stack
from matrix.ways import VERSIONS, WAYS, Ways, aliases, local_users, quota_users, scripts, users


@pytest.fixture(scope="package")
def new_package_namespace() -> Iterator[NewNamespace]:
    with namespaces() as make:
        yield make


def _create(kubectl: Kubectl, listener: str, *objects: Object) -> Ways:
    ways = [way for way in WAYS if way.listener == listener]
    stacks = [manifests.mailstack(str(way), manifests.DOMAIN, **way.spec) for way in ways]
    kubectl.apply(users(), *objects, *stacks)
    return {way: Stack(kubectl.namespace, str(way)) for way in ways}


@pytest.fixture(scope="package")
def unix_ways(new_package_namespace: NewNamespace) -> Ways:
    objects = [local_users(), aliases(), *map(scripts, VERSIONS)]
    return _create(new_package_namespace("unix"), "Unix", *objects)


@pytest.fixture(scope="package")
def inet_ways(new_package_namespace: NewNamespace) -> Ways:
    return _create(new_package_namespace("inet"), "Inet", *map(quota_users, VERSIONS))


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen
