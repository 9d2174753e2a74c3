"""`spec.users`: who exists."""

from pydantic import Field

from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import SecretKey, SecretName


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
