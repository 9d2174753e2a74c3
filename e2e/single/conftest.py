"""One MailStack with TLS, so that there is a certificate that may expire."""

from collections.abc import Iterator

import pytest

from conftest import namespaces
from mailtest import certificates, manifests
from mailtest.kubectl import Object
from mailtest.stack import Stack

TLS_SECRET = "mail-tls"


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    certificate = certificates.found(tmp_path_factory.mktemp("authority")).issue("mail.example.org")
    with namespaces() as make:
        kubectl = make("single")
        kubectl.apply(manifests.users(), manifests.tls_secret(TLS_SECRET, certificate), mailstack())
        stack = Stack(kubectl.namespace)
        stack.wait_ready()
        yield stack


def mailstack() -> Object:
    return manifests.mailstack(tls={"secretName": TLS_SECRET})
