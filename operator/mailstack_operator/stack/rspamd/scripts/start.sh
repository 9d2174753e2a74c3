# Runs rspamd. Environment: FILES (the folder of its files, which the kubelet changes), MAIN (the first of them), SOCKET,
# KEYS (the folder of its keys, if it has some).
set -eu
. ../../scripts/reload.sh

# The socket of a killed one would look like a filter that has started.
rm -f "$SOCKET"
set -- "$FILES"/*.conf
# Without a key that its files name rspamd would send mail unsigned, and say so in its log alone.
keys_exist() {
  grep -ho "$KEYS/[^\"]*" "$FILES"/*.conf | while read -r key; do
    [ -s "$key" ] || exit 1
  done
}
# rspamd reads its files again on a hangup; with broken files it would end.
renew() {
  keys_exist && rspamadm configtest -q -c "$MAIN" && kill -HUP $$
}
keys_exist || echo "mailstack: waiting for keys that can sign" >&2
until keys_exist; do sleep 1; done
digest=$(content "$@")
reload_on_change "$digest" renew "$@" &
exec rspamd -f -c "$MAIN"
