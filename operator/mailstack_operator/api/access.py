"""Who may use the server, and how: `spec.users`, `spec.tls`, `spec.submission`."""

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from mailstack_operator.api import cel
from mailstack_operator.api.grammar import RelayHost, SecretKey, SecretName
from mailstack_operator.api.model import Model

_CREDENTIALS = "relayCredentials need a relayHost: set it, or remove relayCredentials"


class PasswdFile(Model):
    """A passwd-file of Dovecot in a Secret."""

    secret_name: SecretName = Field(description="Secret in the same namespace that holds the file.")
    key: SecretKey = Field("users", description="Key of the Secret that holds the file.")


class Users(Model):
    """Who exists. Only Dovecot knows; Postfix asks it."""

    passwd_file: PasswdFile = Field(
        description="A Dovecot passwd-file in a Secret, one user a line: user@domain:{SCHEME}hash::::::. "
        "A change is in use within 90 seconds, without a restart."
    )


class Tls(Model):
    """The certificate of the server, for SMTP, IMAP, ManageSieve and submission."""

    secret_name: SecretName = Field(
        description="Secret of type kubernetes.io/tls, with tls.crt and tls.key, as cert-manager writes it. A renewed "
        "one is in use within 90 seconds, without a restart."
    )


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

    model_config = ConfigDict(
        json_schema_extra=cel.rules(cel.Rule("!has(self.relayCredentials) || has(self.relayHost)", _CREDENTIALS))
    )

    @model_validator(mode="after")
    def _credentials_for_a_host(self) -> "Submission":
        if self.relay_credentials is not None and self.relay_host is None:
            raise PydanticCustomError("relay", _CREDENTIALS)
        return self
