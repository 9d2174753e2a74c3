# Runs Postfix. Environment: DATA, TLS, RELAY_SECRET (folders; the last two may not exist), TLS_FILE, LMTP_CA_FILE,
# RELAY_FILE.
set -eu
. ./cache.sh
. ../../scripts/reload.sh

if cache_is_damaged; then
  echo "mailstack: the cache of address verification cannot be read: kept as $DATA/verify_cache.unreadable, begun anew" >&2
  mv -f "$DATA/verify_cache.lmdb" "$DATA/verify_cache.unreadable"
fi

credentials() {
  [ -d "$RELAY_SECRET" ] || return 0
  user=$(tr -d '\r\n' < "$RELAY_SECRET/username")
  password=$(tr -d '\r\n' < "$RELAY_SECRET/password")
  line="$(postconf -h relayhost) $user:$password"
  (umask 077 && printf '%s\n' "$line" > "$RELAY_FILE.new")
  mv "$RELAY_FILE.new" "$RELAY_FILE"
}
# Outgoing mail that waits for another login leaves at once, by processes that began after the reload.
renew() {
  credentials && postfix reload && sleep 1 && postqueue -f
}

set -- "$TLS_FILE" "$LMTP_CA_FILE" "$RELAY_SECRET/username" "$RELAY_SECRET/password"
digest=$(content "$@")
credentials
if [ -d "$TLS" ] || [ -d "$RELAY_SECRET" ]; then reload_on_change "$digest" renew "$@" & fi
# It becomes process 1, and the loop its child.
exec postfix start-fg
