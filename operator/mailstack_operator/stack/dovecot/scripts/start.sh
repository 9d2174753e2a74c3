# Runs Dovecot, which reads a certificate once. Environment: CONFIG, SIEVE_BINARIES and TLS (folders; the last may not
# exist), MAIL_OWNER, TLS_FILE, LMTP_TLS_FILE.
set -eu
. ../../scripts/reload.sh

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
