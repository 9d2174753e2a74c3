"""The `spec` of a MailStack: what a mail administrator writes.

The descriptions become those of the CRD (`make crd`). Rules over several fields are
beside the servers that they are about: `stack/rules.py`.
"""

from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, Field

from mailstack_operator.api.aliases import MOST_ALIASES, MOST_DOMAINS, AddressExtensions, Alias, CatchAll, DomainAlias
from mailstack_operator.api.delivery import ConfigMapFile, Delivery
from mailstack_operator.api.dkim import Dkim
from mailstack_operator.api.expose import Expose
from mailstack_operator.api.filter import Filter
from mailstack_operator.api.metadata import MOST_ENTRIES, Annotations, Labels
from mailstack_operator.api.milters import MOST_MILTERS, Milter
from mailstack_operator.api.model import Model, each_once
from mailstack_operator.api.network_policy import NetworkPolicy
from mailstack_operator.api.placement import Placement
from mailstack_operator.api.plugins import Plugins
from mailstack_operator.api.servers import Dovecot, Helpers, Postfix, PullSecret
from mailstack_operator.api.strings import DomainName, HostName, MailAddress
from mailstack_operator.api.submission import Submission
from mailstack_operator.api.tls import Tls
from mailstack_operator.api.verification import Verification

# A field for each source of users: stack/users, because a source is more than its fields.
UsersT_co = TypeVar("UsersT_co", bound=Model, covariant=True)


class MailStackSpec(Model, Generic[UsersT_co]):
    """One mail server: Postfix receives, Dovecot stores, LMTP joins them."""

    hostname: HostName = Field(description="Host name in the SMTP greeting (myhostname), such as mail.example.org.")
    domains: Annotated[list[DomainName], AfterValidator(each_once)] = Field(
        min_length=1,
        max_length=256,
        description="Mail domains whose mailboxes are in Dovecot. Mail from outside for any other domain is refused.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    postmaster_address: MailAddress = Field(
        description="Sender address of the messages that Dovecot generates (postmaster_address)."
    )
    users: UsersT_co = Field(description="Source of mailbox users. Only Dovecot reads it.")
    aliases: list[Alias] = Field(
        [],
        max_length=MOST_ALIASES,
        description="Addresses whose mail goes to other addresses, for all users whatever their source.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["address"]},
    )
    aliases_from: ConfigMapFile | None = Field(
        None,
        description="More aliases, in a file of a ConfigMap: on each line an address, a blank, and its targets between "
        "commas, as in virtual(5).",
    )
    domain_aliases: list[DomainAlias] = Field(
        [],
        max_length=MOST_DOMAINS,
        description="Further domains with the same users and aliases as one of spec.domains.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["domain"]},
    )
    catch_all: list[CatchAll] = Field(
        [],
        max_length=MOST_DOMAINS,
        description="Further domains, without users of their own, in which every address exists.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["domain"]},
    )
    address_extensions: AddressExtensions = Field(
        default_factory=AddressExtensions, description="Extensions of users' addresses."
    )
    delivery: Delivery = Field(default_factory=Delivery, description="How Postfix hands mail to Dovecot.")
    verification: Verification = Field(
        default_factory=Verification,
        description="Address verification: Postfix asks Dovecot whether a recipient exists.",
    )
    plugins: Plugins = Field(
        default_factory=Plugins, description="Plugins of Dovecot. A plugin that is not listed is off."
    )
    tls: Tls | None = Field(
        None,
        description="TLS on every port, required for logins. Without it, passwords cross the network unencrypted.",
    )
    submission: Submission | None = Field(
        None, description="Lets users send mail on ports 587 and 465. Without it, they cannot."
    )
    expose: Expose = Field(
        default_factory=Expose, description="Services beside the ClusterIP Service, for clients outside of the cluster."
    )
    filter: Filter | None = Field(
        None, description="Spam filter (rspamd), with DMARC. Requires plugins.sieve, which files spam in Junk."
    )
    dkim: Dkim | None = Field(
        None, description="Signatures (DKIM) on mail that users send. Requires filter, which signs, and submission."
    )
    milters: list[Milter] = Field(
        [],
        max_length=MOST_MILTERS,
        description="Mail filters of your own (milters) that Postfix asks about each message, in this order.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    postfix: Postfix = Field(default_factory=Postfix, description="The Postfix container.")
    dovecot: Dovecot = Field(default_factory=Dovecot, description="The Dovecot container.")
    network_policy: NetworkPolicy | None = Field(
        None, description="Restricts who may connect to the mail pods, by NetworkPolicies. Without it, everybody may."
    )
    placement: Placement = Field(default_factory=Placement, description="Which nodes the mail pods run on.")
    pod_labels: Labels = Field(
        default_factory=dict,
        max_length=MOST_ENTRIES,
        description="Further labels of the mail pods. The chart's admissionPolicy.allowedMetadata must permit them.",
    )
    pod_annotations: Annotations = Field(
        default_factory=dict,
        max_length=MOST_ENTRIES,
        description="Further annotations of the mail pods. The chart's admissionPolicy.allowedMetadata must permit "
        "them.",
    )
    service_account_annotations: Annotations = Field(
        default_factory=dict,
        max_length=MOST_ENTRIES,
        description="Further annotations of the mail pods' ServiceAccount, NAME-probe, such as those that give it a "
        "role of a cloud. The chart's admissionPolicy.allowedMetadata must permit them.",
    )
    image_pull_secrets: list[PullSecret] = Field(
        [],
        max_length=16,
        description="Secrets with credentials of registries, for all images of the mail pods. Those of the operator's "
        "chart (image.pullSecrets) are added by their names.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    helpers: Helpers = Field(
        default_factory=Helpers, description="The containers of the operator's image in the mail pods."
    )
