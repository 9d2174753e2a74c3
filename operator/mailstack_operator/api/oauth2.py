"""`spec.users.oauth2`: logins with a token of an OAuth 2.0 provider. Sources: RFC 6749, RFC 7628, RFC 7662."""

from typing import Literal

from pydantic import Field

from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import ClaimName, ClientId, HttpsUrl, ScopeToken, SecretKey, SecretName


class ClientSecret(Model):
    """The secret with which Dovecot authenticates at the provider."""

    secret_name: SecretName = Field(description="Secret in the same namespace that holds the client secret.")
    key: SecretKey = Field(
        "clientSecret", description="Key of the Secret that holds the client secret, without a newline."
    )


class ProviderTls(Model):
    """How Dovecot knows the provider. Its certificate and its name are always verified."""

    ca_secret_name: SecretName = Field(
        description="Secret in the same namespace whose key ca.crt holds the certificate authorities of the provider."
    )


class OAuth2(Model):
    """A provider that Dovecot asks about each token."""

    introspection_url: HttpsUrl = Field(
        description="Where Dovecot asks about a token, such as https://login.example.org/oauth2/introspect."
    )
    introspection_mode: Literal["Post", "Auth"] = Field(
        "Post",
        description="Post: token introspection (RFC 7662); the answer must have active: true. Auth: a GET with the "
        "token, as a userinfo endpoint of OpenID Connect wants it; the answer is that of the token's user.",
    )
    client_id: ClientId | None = Field(
        None, description="Name with which Dovecot authenticates at the provider (client_secret_basic)."
    )
    client_secret: ClientSecret | None = Field(
        None, description="Secret of that name. A change is in use without a restart."
    )
    username_attribute: ClaimName = Field(
        "email",
        description="Attribute of the answer that holds the user's address. It must be one that users cannot set to "
        "another's address.",
    )
    scope: ScopeToken | None = Field(None, description="Scope that a token must have; by default any token will do.")
    tls: ProviderTls = Field(description="How Dovecot knows the provider.")

    @property
    def port(self) -> int:
        """The port of the provider."""
        given = self.introspection_url.removeprefix("https://").partition("/")[0].partition(":")[2]
        return int(given or 443)
