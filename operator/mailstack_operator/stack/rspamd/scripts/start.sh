# Runs rspamd. Environment: FILES (the folder of its files, which the kubelet changes), MAIN (the first of them), SOCKET.
set -eu
. ../../scripts/reload.sh

# The socket of a killed one would look like a filter that has started.
rm -f "$SOCKET"
set -- "$FILES"/*.conf
# rspamd reads its files again on a hangup; with broken files it would end.
renew() {
  rspamadm configtest -q -c "$MAIN" && kill -HUP $$
}
digest=$(content "$@")
reload_on_change "$digest" renew "$@" &
exec rspamd -f -c "$MAIN"
