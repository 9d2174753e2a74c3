"""One MailStack with TLS, whose certificate may expire, and all that mail programs use; its mail's volume can grow."""

from collections.abc import Iterator

import pytest

from conftest import namespaces
from mailtest import certificates, manifests
from mailtest.kubectl import Kubectl, Object
from mailtest.stack import Stack

TLS_SECRET = "mail-tls"
# Of the cluster; what runs end to end at the same time uses the same.
GROWING_CLASS = "e2e-growing"
# More than Dovecot's own limit of 100.
CONNECTIONS = 150


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    certificate = certificates.found(tmp_path_factory.mktemp("authority")).issue("mail.example.org")
    with namespaces() as make:
        kubectl = make("single")
        Kubectl().apply(_growing_class())
        kubectl.apply(manifests.users(), manifests.tls_secret(TLS_SECRET, certificate), mailstack())
        stack = Stack(kubectl.namespace)
        stack.wait_ready()
        yield stack


def mailstack() -> Object:
    """With as few sessions as one test can use up, and a setting of which doveconf warns."""
    dovecot = {
        "connections": CONNECTIONS,
        "extraConfig": "default_process_limit = 1400\n",
        "storage": {"storageClassName": GROWING_CLASS},
    }
    return manifests.mailstack(tls={"secretName": TLS_SECRET}, dovecot=dovecot, submission={}, plugins={"sieve": {}})


def _growing_class() -> Object:
    """The cluster's own StorageClass, but its volumes can grow."""
    own = Kubectl().must_get("storageclass", "standard")
    kept = {key: own[key] for key in ("apiVersion", "kind", "provisioner", "reclaimPolicy", "volumeBindingMode")}
    return {**kept, "metadata": {"name": GROWING_CLASS}, "allowVolumeExpansion": True}
