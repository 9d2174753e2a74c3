"""`spec.submission`: users send mail."""

from pydantic import Field

from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import RelayHost, SecretName


class RelayCredentials(Model):
    """Credentials of Postfix at the relay host."""

    secret_name: SecretName = Field(description="Secret of type kubernetes.io/basic-auth, with username and password.")


class Submission(Model):
    """Ports 587 (STARTTLS) and 465 (TLS), where users log in with their Dovecot password and send as themselves."""

    relay_host: RelayHost | None = Field(
        None,
        description="Next hop of mail for other domains, such as [smtp.example.net]:587 (relayhost). Default: the MX "
        "records of each domain.",
    )
    relay_credentials: RelayCredentials | None = Field(
        None, description="Login at the relay host, over TLS only (smtp_sasl_password_maps)."
    )
