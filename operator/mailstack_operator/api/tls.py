"""`spec.tls`: the server's certificate."""

from pydantic import Field

from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import SecretName


class Tls(Model):
    """The server's certificate, for SMTP, IMAP, ManageSieve and submission."""

    secret_name: SecretName = Field(
        description="Secret of type kubernetes.io/tls, with tls.crt and tls.key, as cert-manager writes it. A renewed "
        "certificate is in use within 90 seconds, without a restart."
    )
