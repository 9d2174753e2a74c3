"""dovecot.conf for Dovecot 2.4: IMAP for people, LMTP for Postfix.

Source: Dovecot's how-to "Postfix and Dovecot LMTP".
"""

from collections.abc import Iterator

from mailstack_operator.render import grammar
from mailstack_operator.render.grammar import DovecotPart, Setting, block
from mailstack_operator.topology import MAIL_GID, MAIL_ROOT, MAIL_UID, USERS_FILE, Topology


def render(topology: Topology) -> str:
    """The whole of dovecot.conf."""
    # Dovecot wants its two versions first.
    return grammar.HEADER + grammar.dovecot_conf([*_versions(), *_base(), *_mail(), *_users(), *_lmtp(topology)])


def _versions() -> Iterator[DovecotPart]:
    yield Setting("dovecot_config_version", "2.4.0")
    yield Setting("dovecot_storage_version", "2.4.0")


def _base() -> Iterator[DovecotPart]:
    yield Setting("protocols", "imap lmtp")
    yield Setting("listen", "*")
    yield Setting("log_path", "/dev/stderr")
    # No certificate in this version of the API: IMAP is for the cluster's own network.
    yield Setting("ssl", "no")
    yield Setting("auth_allow_cleartext", "yes")


def _mail() -> Iterator[DovecotPart]:
    yield Setting("mail_driver", "maildir")
    yield Setting("mail_home", f"{MAIL_ROOT}/%{{user | lower}}")
    yield Setting("mail_path", "~/Maildir")
    yield Setting("mail_uid", str(MAIL_UID))
    yield Setting("mail_gid", str(MAIL_GID))
    yield block("namespace inbox", inbox="yes")


def _users() -> Iterator[DovecotPart]:
    for database in ("passdb", "userdb"):
        yield block(f"{database} passwd-file", passwd_file_path=USERS_FILE)


def _lmtp(topology: Topology) -> Iterator[DovecotPart]:
    # Postfix delivers up to 20 at once; Dovecot's own limit of 10 would defer a busy user's mail.
    yield Setting("lmtp_user_concurrency_limit", "unlimited")
    listener = block(f"unix_listener {topology.lmtp.path}", user="postfix", group="postfix", mode="0600")
    yield block("service lmtp", listener)
    yield block("protocol lmtp", postmaster_address=topology.stack.spec.postmaster_address)
