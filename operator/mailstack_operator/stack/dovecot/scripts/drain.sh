# Runs before a Dovecot in a pod of its own is told to stop. New LMTP sessions are refused, and those that are open may
# end, 15 s at most: a delivery that is cut short after its message was stored is delivered twice. Mail programs are
# served meanwhile. Environment: CONFIG, LMTP_PORT.
set -eu
# Without an answer there is nothing to wait for.
timeout 5 doveadm -c "$CONFIG" service stop lmtp || exit 0
port=$(printf '%04X' "$LMTP_PORT")
# Established (01), from another pod: proc_pid_net(5).
lmtp_sessions() {
  cat /proc/net/tcp /proc/net/tcp6 2> /dev/null |
    grep -E "^ *[0-9]+: [0-9A-F]+:$port [0-9A-F]+:[0-9A-F]{4} 01 " | grep -v ":$port 0100007F:"
}
for _ in $(seq 75); do
  lmtp_sessions > /dev/null || exit 0
  sleep 0.2
done
