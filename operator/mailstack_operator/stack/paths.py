"""Where files are in the pods: what is mounted at a path, what a configuration names, what a script reads."""

from mailstack_probe.contract import RUN

TMP = "/tmp"  # noqa: S108 - an emptyDir of the pod
POSTFIX_SPOOL = "/var/spool/postfix"
POSTFIX_DATA = "/var/lib/postfix"
POSTFIX_PRIVATE = f"{POSTFIX_SPOOL}/private"
POSTFIX_CONFIG = "/etc/postfix"
VERIFY_CACHE_FILE = f"{POSTFIX_DATA}/verify_cache.lmdb"
# The ConfigMap as the kubelet keeps it up to date, and where `spool` makes of it what a server sees as /etc/postfix.
POSTFIX_FILES = f"{RUN}/config/postfix"
POSTFIX_PREPARED = f"{RUN}/postfix"
POSTFIX_DEFAULTS = "/etc/default/postfix"
SENDER_LOGIN = f"{POSTFIX_CONFIG}/sender_login.regexp"
DOVECOT_CLIENTS = f"{POSTFIX_CONFIG}/dovecot_clients.regexp"
SENDER_KEY = f"{POSTFIX_CONFIG}/sender_key.regexp"
SENDER_DOMAIN_KEY = f"{POSTFIX_CONFIG}/sender_domain_key.regexp"
ALIAS_OWNERS = f"{POSTFIX_CONFIG}/alias_owners"
VIRTUAL = f"{POSTFIX_CONFIG}/virtual"
# For the probe.
ALIAS_TARGETS = f"{POSTFIX_CONFIG}/alias_targets"
OWN_SENDERS = f"{POSTFIX_CONFIG}/own_senders.regexp"

DOVECOT_FOLDER = "/etc/dovecot"
DOVECOT_CONFIG = f"{DOVECOT_FOLDER}/dovecot.conf"
DOVECOT_EXTRA = f"{DOVECOT_FOLDER}/extra.conf"
# What start.sh writes where the kernel lacks something.
DOVECOT_KERNEL = "/run/dovecot/kernel.conf"
# Of the files that running pods follow: Dovecot reads a changed passwd-file by itself.
ROLES_FOLDER = f"{RUN}/roles"
ROLES = f"{ROLES_FOLDER}/roles"
SIEVE_BEFORE = f"{DOVECOT_FOLDER}/before.sieve"
SIEVE_JUNK = f"{DOVECOT_FOLDER}/junk.sieve"
SIEVE_AFTER = f"{DOVECOT_FOLDER}/after.sieve"
# Where Dovecot keeps the global scripts compiled; the scripts themselves lie on a read-only mount.
SIEVE_BINARIES = "/var/lib/dovecot/sieve"
MAIL_ROOT = "/srv/mail"

IDS_FOLDER = f"{RUN}/ids"
# What doveconf warned of at the first start of Dovecot in the pod.
CHECK_FOLDER = f"{RUN}/check"
CHECK_WARNINGS = f"{CHECK_FOLDER}/warnings"
LOGS_FOLDER = f"{RUN}/logs"
# Key and certificates in one file, put there whole and only if they fit together (mailstack_probe.certificates).
TLS_FOLDER = f"{RUN}/tls"
TLS_FILE = f"{TLS_FOLDER}/tls.pem"
LMTP_TLS_FILE = f"{TLS_FOLDER}/lmtp.pem"
LMTP_CA_FILE = f"{TLS_FOLDER}/lmtp-ca.pem"
# The same without keys, for the probe, which runs as another user.
TLS_PUBLIC_FILE = f"{TLS_FOLDER}/tls.crt"
LMTP_PUBLIC_FILE = f"{TLS_FOLDER}/lmtp.crt"
LMTP_CA_PUBLIC_FILE = f"{TLS_FOLDER}/lmtp-ca.crt"
# The filter's socket, and its configuration as the kubelet keeps it up to date.
FILTER_FOLDER = f"{RUN}/filter"
FILTER_SOCKET = f"{FILTER_FOLDER}/milter.sock"
FILTER_FILES = f"{RUN}/config/filter"
# Keys as the filter reads them, by Secret and key.
DKIM_FOLDER = f"{RUN}/dkim"
DKIM_SECRETS = f"{RUN}/secrets/dkim"
RELAY_FOLDER = f"{RUN}/relay"
RELAY_FILE = f"{RELAY_FOLDER}/sasl_passwd"
# Secrets as they are mounted, before a sidecar or a script makes of them what a server reads.
TLS_SECRET = f"{RUN}/secrets/tls"
LMTP_SECRET = f"{RUN}/secrets/lmtp"
LMTP_CA_SECRET = f"{RUN}/secrets/lmtp-ca"
RELAY_SECRET = f"{RUN}/secrets/relay"
