"""The settings of Dovecot 2.4."""

from collections.abc import Iterator

from mailstack_operator.api.plugins import Quota
from mailstack_operator.stack import roles
from mailstack_operator.stack.dovecot import services
from mailstack_operator.stack.paths import MAIL_ROOT, ROLES, SIEVE_AFTER, SIEVE_BEFORE, SIEVE_BINARIES, SIEVE_JUNK
from mailstack_operator.stack.syntax import DovecotPart, Setting, block
from mailstack_operator.stack.topology import ROOTLESS_USER, Topology
from mailstack_operator.stack.users import oauth2


def settings(topology: Topology) -> Iterator[DovecotPart]:
    """All that the operator itself writes, in the order of the file."""
    # Dovecot wants its two versions first.
    yield Setting("dovecot_config_version", "2.4.0")
    yield Setting("dovecot_storage_version", "2.4.0")
    yield from services.base(topology)
    yield from services.tls(topology, _certificate, Setting("auth_allow_cleartext", "yes"))
    if topology.rootless:
        yield from _rootless(topology.rootless)
    yield from _mail(topology)
    yield from _users(topology)
    if topology.spec.plugins.quota:
        yield from _quota(topology.spec.plugins.quota)
    if topology.spec.plugins.sieve:
        yield from _sieve(topology)
    # Postfix delivers up to 20 at once; Dovecot's own limit of 10 would defer a busy user's mail.
    yield Setting("lmtp_user_concurrency_limit", "unlimited")
    yield from services.sessions(topology, Setting("restart_request_count", "unlimited"))
    yield services.passwords("unlimited")
    yield from services.services(topology)
    yield block("protocol lmtp", *_lmtp(topology))


def _certificate(path: str) -> Iterator[Setting]:
    yield Setting("ssl_server_cert_file", path)
    yield Setting("ssl_server_key_file", path)


def _rootless(uid: int) -> Iterator[Setting]:
    for user in ("default_internal_user", "default_internal_group", "default_login_user"):
        yield Setting(user, ROOTLESS_USER)
    # Dovecot's own value is 500.
    yield Setting("first_valid_uid", str(uid))


def _mail(topology: Topology) -> Iterator[DovecotPart]:
    yield Setting("mail_driver", "maildir")
    yield Setting("mail_home", f"{MAIL_ROOT}/%{{user | lower}}")
    yield Setting("mail_path", "~/Maildir")
    yield from services.owner(topology)
    yield services.inbox(topology)


def _users(topology: Topology) -> Iterator[DovecotPart]:
    # Else 2.4 answers a login with a temporary failure if the hash is of MD5 or DES, as those of old systems are.
    yield Setting("auth_allow_weak_schemes", "yes")
    yield from oauth2.settings_24(topology.spec)
    if roles.is_mailbox_here(topology.spec):
        yield block("userdb roles", driver="passwd-file", passwd_file_path=ROLES)
    yield from topology.spec.users.source.guard_24(topology.spec)
    yield from services.mechanisms(topology)


def _quota(quota: Quota) -> Iterator[DovecotPart]:
    # Not inside the quota block: there it would outdo a user's own size.
    yield Setting("quota_storage_size", services.quota_size(quota.size))
    yield Setting("quota_storage_grace", "0")
    yield block(f'quota "{services.QUOTA_NAME}"')
    if quota.reject_at_recipient:
        yield from (Setting(name, answer) for name, answer in services.QUOTA_ANSWERS.items())
    yield block("mail_plugins", quota="yes")
    yield block("protocol imap", block("mail_plugins", imap_quota="yes"))


def _sieve(topology: Topology) -> Iterator[DovecotPart]:
    # ManageSieve keeps the scripts in path and makes active_path a link to the one in use.
    yield block("sieve_script personal", type="personal", path="~/sieve", active_path="~/.dovecot.sieve")
    sources = {
        "before": (topology.sources.sieve_before, SIEVE_BEFORE),
        "after": (topology.sources.sieve_after, SIEVE_AFTER),
    }
    for when, (text, path) in sources.items():
        if text:
            yield block(f"sieve_script {when}", type=when, path=path, bin_path=SIEVE_BINARIES)
    if topology.spec.filter:
        # After the administrator's own, whose decision counts; a user's scripts do not see spam.
        yield block("sieve_script junk", type="before", path=SIEVE_JUNK, bin_path=SIEVE_BINARIES)


def _lmtp(topology: Topology) -> Iterator[DovecotPart]:
    yield Setting("postmaster_address", topology.spec.postmaster_address)
    if services.rejects_at_recipient(topology):
        yield Setting("lmtp_rcpt_check_quota", "yes")
    if topology.spec.plugins.sieve:
        yield from services.sieve_submission(topology)
        yield block("mail_plugins", sieve="yes")
    yield from services.lmtp_tls(topology, _certificate)
