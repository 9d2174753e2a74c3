"""`spec.dkim`: signatures on the mail of users."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mailstack_operator.api.model import Model, each_once
from mailstack_operator.api.strings import DkimSelector, DomainName, SecretKey, SecretName


class DkimKey(Model):
    """A private key, and what it signs."""

    domains: Annotated[list[DomainName], AfterValidator(each_once)] = Field(
        min_length=1,
        max_length=64,
        description="Domains of the From header, of spec.domains and spec.domainAliases.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    selector: DkimSelector = Field(
        description="Name of the key in the DNS: SELECTOR._domainkey.DOMAIN. A key of another selector takes the "
        "place of an old one without a gap."
    )
    secret_name: SecretName = Field(description="Secret with the key.")
    key: SecretKey = Field("dkim.key", description="Key of the Secret, with an RSA or Ed25519 private key as PEM.")
    state: Literal["Sign", "Publish"] = Field(
        "Sign",
        description="Sign: mail is signed with it. Publish: it is checked, and its record can be published before it "
        "signs.",
    )


class Dkim(Model):
    """DKIM (RFC 6376): the filter signs mail that users send with a login."""

    keys: list[DkimKey] = Field(
        min_length=1,
        max_length=16,
        description="Keys. A domain may have several, such as one of each kind; each signs.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
