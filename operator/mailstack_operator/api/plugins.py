"""`spec.plugins`: plugins of Dovecot."""

from pydantic import Field

from mailstack_operator.api.delivery import ConfigMapFile
from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import QuotaSize


class Quota(Model):
    """Limit of each user's mailbox."""

    size: QuotaSize = Field(
        description="Storage of each user, in bytes (Ki, Mi, Gi, Ti). The users file can override it for a user: "
        "userdb_quota_storage_size=2G with Dovecot 2.4, userdb_quota_rule=*:storage=2G with 2.3."
    )
    reject_at_recipient: bool = Field(
        True,
        description="true: mail for a user who is over quota is refused at RCPT. false: Dovecot refuses it after "
        "Postfix has accepted it, so the sender gets a bounce.",
    )


class Sieve(Model):
    """Sieve scripts, which users upload with ManageSieve on port 4190."""

    before: ConfigMapFile | None = Field(None, description="Script that runs before each user's own.")
    after: ConfigMapFile | None = Field(None, description="Script that runs after each user's own.")


class Plugins(Model):
    """Plugins of Dovecot. A plugin that is not listed is off."""

    quota: Quota | None = Field(None, description="Limits the size of mailboxes.")
    sieve: Sieve | None = Field(None, description="Filters mail by Sieve scripts.")
