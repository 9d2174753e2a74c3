"""The settings of Dovecot 2.3."""

from collections.abc import Iterator

from mailstack_operator.api.plugins import Quota
from mailstack_operator.stack import roles
from mailstack_operator.stack.dovecot import services
from mailstack_operator.stack.paths import MAIL_ROOT, ROLES, SIEVE_AFTER, SIEVE_BEFORE, SIEVE_BINARIES, SIEVE_JUNK
from mailstack_operator.stack.syntax import DovecotPart, FileSetting, Setting, block
from mailstack_operator.stack.topology import Topology
from mailstack_operator.stack.users import oauth2

# By default.
_IMPORTED = "TZ CORE_OUTOFMEM CORE_ERROR LISTEN_PID LISTEN_FDS NOTIFY_SOCKET"


def settings(topology: Topology) -> Iterator[DovecotPart]:
    """All that the operator itself writes, in the order of the file."""
    plugins = topology.spec.plugins
    yield from services.base(topology)
    # The Message-ID of what a script sends has the host's own name, whatever the setting `hostname` says.
    yield Setting("import_environment", f"{_IMPORTED} DOVECOT_HOSTDOMAIN={topology.spec.hostname}")
    yield from services.tls(topology, _certificate, Setting("disable_plaintext_auth", "no"))
    yield from _mail(topology)
    yield from _users(topology)
    yield from services.sessions(topology, Setting("service_count", "0"))
    yield services.passwords("0")
    yield from services.services(topology)
    if plugins.quota:
        yield Setting("mail_plugins", "quota")
        yield block("protocol imap", mail_plugins="quota imap_quota")
    yield block("protocol lmtp", *_lmtp(topology))
    if plugins.quota or plugins.sieve:
        yield block("plugin", *_plugin_settings(topology))


def _certificate(path: str) -> Iterator[DovecotPart]:
    yield FileSetting("ssl_cert", path)
    yield FileSetting("ssl_key", path)


def _mail(topology: Topology) -> Iterator[DovecotPart]:
    yield Setting("mail_home", f"{MAIL_ROOT}/%Lu")
    yield Setting("mail_location", "maildir:~/Maildir")
    yield from services.owner(topology)
    yield services.inbox(topology)


def _users(topology: Topology) -> Iterator[DovecotPart]:
    yield from oauth2.settings_23(topology.spec)
    if roles.is_mailbox_here(topology.spec):
        yield block("userdb", driver="passwd-file", args=ROLES)
    yield from topology.spec.users.source.guard_23(topology.spec)
    yield from services.mechanisms(topology)


def _lmtp(topology: Topology) -> Iterator[DovecotPart]:
    yield Setting("postmaster_address", topology.spec.postmaster_address)
    plugins = topology.spec.plugins
    if services.rejects_at_recipient(topology):
        yield Setting("lmtp_rcpt_check_quota", "yes")
    if plugins.sieve:
        yield from services.sieve_submission(topology)
    if names := " ".join(name for name, plugin in (("quota", plugins.quota), ("sieve", plugins.sieve)) if plugin):
        yield Setting("mail_plugins", names)
    yield from services.lmtp_tls(topology, _certificate)


def _plugin_settings(topology: Topology) -> Iterator[DovecotPart]:
    plugins = topology.spec.plugins
    if plugins.quota:
        yield from _quota(plugins.quota)
    if plugins.sieve:
        yield from _sieve(topology)


def _quota(quota: Quota) -> Iterator[DovecotPart]:
    yield Setting("quota", f"count:{services.QUOTA_NAME}")
    # The count driver needs the sizes as a client sees them.
    yield Setting("quota_vsizes", "yes")
    yield Setting("quota_rule", f"*:storage={services.quota_size(quota.size)}")
    yield Setting("quota_grace", "0")
    if quota.reject_at_recipient:
        yield from (Setting(name, answer) for name, answer in services.QUOTA_ANSWERS.items())


def _sieve(topology: Topology) -> Iterator[DovecotPart]:
    sources = topology.sources
    # ManageSieve keeps the scripts in the folder and makes `active` a link to the one in use.
    yield Setting("sieve", "file:~/sieve;active=~/.dovecot.sieve")
    if sources.sieve_before:
        yield Setting("sieve_before", f"{SIEVE_BEFORE};bindir={SIEVE_BINARIES}")
    if topology.spec.filter:
        # After the administrator's own, whose decision counts; a user's scripts do not see spam.
        name = "sieve_before2" if sources.sieve_before else "sieve_before"
        yield Setting(name, f"{SIEVE_JUNK};bindir={SIEVE_BINARIES}")
    if sources.sieve_after:
        yield Setting("sieve_after", f"{SIEVE_AFTER};bindir={SIEVE_BINARIES}")
