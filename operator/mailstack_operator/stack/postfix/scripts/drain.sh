# Runs before Postfix is told to stop. Serves for SERVE_SECONDS more, as long as a node may still send connections here
# instead of to another pod; then waits until no message is in delivery, 15 s at most: a delivery cut short is delivered
# twice. Environment: SPOOL, SERVE_SECONDS.
set -eu
cd "$SPOOL"
sleep "$SERVE_SECONDS"
for _ in $(seq 75); do
  # A file is executable once it is complete; one that is not is in no delivery, and stays after a crash.
  [ -n "$(find incoming active -type f -perm -100)" ] || exit 0
  sleep 0.2
done
