# Runs Dovecot, which reads a certificate once. Environment: CONFIG, FILES (how many it may have open), SIEVE_BINARIES and
# TLS (folders; the last may not exist), MAIL_OWNER, TLS_FILE, LMTP_TLS_FILE.
set -eu
. ../../scripts/reload.sh

# Dovecot's helpers have a connection to each session; some container runtimes allow a process 1024 files.
# shellcheck disable=SC3045 # POSIX.1-2024 has `ulimit -n`, and so have dash and busybox
raise_limit() {
  allowed=$(ulimit -n)
  [ "$allowed" = unlimited ] || [ "$allowed" -ge "$FILES" ] || ulimit -n "$FILES" ||
    echo "mailstack: a process may open $allowed files here, and spec.dovecot.connections needs $FILES" >&2
}
raise_limit
mkdir -p "$SIEVE_BINARIES"
chown "$MAIL_OWNER:$MAIL_OWNER" "$SIEVE_BINARIES"
# Those who are logged in keep their session over a reload.
renew() {
  doveadm -c "$CONFIG" reload
}
if [ -d "$TLS" ]; then
  digest=$(content "$TLS_FILE" "$LMTP_TLS_FILE")
  reload_on_change "$digest" renew "$TLS_FILE" "$LMTP_TLS_FILE" &
fi
exec dovecot -F -c "$CONFIG"
