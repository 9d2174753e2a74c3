"""`spec.submission`: users send mail."""

from pydantic import Field

from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import RelayHost, SecretName


class RelayCredentials(Model):
    """With what Postfix logs in at the relay host."""

    secret_name: SecretName = Field(description="Secret of type kubernetes.io/basic-auth, with username and password.")


class Submission(Model):
    """Users send mail: ports 587 (STARTTLS) and 465 (TLS), with their Dovecot password and their own address."""

    relay_host: RelayHost | None = Field(
        None,
        description="Where mail for other domains goes, such as [smtp.example.net]:587 (relayhost); without it, to the "
        "domain's own servers by MX.",
    )
    relay_credentials: RelayCredentials | None = Field(
        None, description="Login at the relay host, over TLS only (smtp_sasl_password_maps)."
    )
