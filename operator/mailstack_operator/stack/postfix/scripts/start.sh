# Runs Postfix. Environment: SPOOL, CONFIG, ETC, DATA, TLS, RELAY_SECRET (folders; the last two may not exist), TLS_FILE,
# LMTP_CA_FILE, RELAY_FILE, POD_DIGEST, POD_NAME, NODE_NAME.
set -eu
. ./cache.sh
. ./files.sh
. ./change.sh
. ../../scripts/fail.sh
. ../../scripts/reload.sh
. ../../scripts/hold.sh

hold_volume queue "$SPOOL"
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
reload_files() {
  credentials && postfix reload
}

restore_files || :
if is_changed; then change : || :; fi
set -- "$TLS_FILE" "$LMTP_CA_FILE" "$RELAY_SECRET/username" "$RELAY_SECRET/password"
digest=$(content "$@")
credentials
change_files reload_files &
if [ -d "$TLS" ] || [ -d "$RELAY_SECRET" ]; then reload_on_change "$digest" renew "$@" & fi
# It becomes process 1, and the loops its children.
exec postfix start-fg
