# Waits until no message is in delivery, 15 s at most: a delivery cut short is delivered twice. Environment: SPOOL.
set -eu
cd "$SPOOL"
for _ in $(seq 75); do
  [ -n "$(find incoming active -type f)" ] || exit 0
  sleep 0.2
done
