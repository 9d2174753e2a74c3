# Checks Dovecot's files and runs it; it reads certificates and passwords once. Environment: as check.sh, and FILES (how
# many it may have open), KERNEL_CONFIG (settings for this node's kernel), STORE, SIEVE_BINARIES and TLS (folders; the
# last may not exist), MAIL_OWNER, TLS_FILE, LMTP_TLS_FILE, POD_NAME, NODE_NAME, CREDENTIALS (folders of passwords and CAs
# for other servers, if there are any), SOURCE_ANSWERS (whom a source of users finds while it answers, if Dovecot backs
# off from it).
set -eu
. ../../scripts/fail.sh
. ../../scripts/reload.sh
. ../../scripts/hold.sh
. ./check.sh

# A Dovecot that was killed comes back without it.
[ -e "$WARNINGS" ] || check_files
hold_volume mail "$STORE"
# Dovecot's helpers have a connection to each session; some container runtimes allow a process 1024 files.
# shellcheck disable=SC3045 # POSIX.1-2024 has `ulimit -n`, and so have dash and busybox
raise_limit() {
  allowed=$(ulimit -n)
  [ "$allowed" = unlimited ] || [ "$allowed" -ge "$FILES" ] || ulimit -n "$FILES" ||
    echo "mailstack: a process may open $allowed files here, and spec.dovecot.connections needs $FILES" >&2
}
raise_limit
# On a kernel without IPv6 (ipv6.disable=1) Dovecot would not start.
[ -e /proc/net/if_inet6 ] || echo 'listen = *' > "$KERNEL_CONFIG"
mkdir -p "$SIEVE_BINARIES"
chown "$MAIL_OWNER:$MAIL_OWNER" "$SIEVE_BINARIES"
# Those who are logged in keep their session over a reload.
renew() {
  doveadm -c "$CONFIG" reload
}
# Such a Dovecot waits five times as long after each connection that fails, up to half an hour: after an outage of minutes
# nobody would get mail for longer than it took. Only root may ask for any user. EX_TEMPFAIL: it does not answer.
connect_again() {
  while sleep 30; do
    answer=0
    doveadm -c "$CONFIG" user "$SOURCE_ANSWERS" > /dev/null 2>&1 || answer=$?
    [ $answer != 75 ] || renew || :
  done
}
[ -z "${SOURCE_ANSWERS:-}" ] || [ "$(id -u)" != 0 ] || connect_again &
set --
[ ! -d "$TLS" ] || set -- "$TLS_FILE" "$LMTP_TLS_FILE"
for folder in ${CREDENTIALS:-}; do
  set -- "$@" "$folder"/*
done
if [ $# -gt 0 ]; then
  digest=$(content "$@")
  reload_on_change "$digest" renew "$@" &
fi
exec dovecot -F -c "$CONFIG"
