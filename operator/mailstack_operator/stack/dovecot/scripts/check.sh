# Lets Dovecot check its files, in a container of its own: doveconf looks up the accounts that names.sh has just
# written. A warning counts: what Dovecot says of its file is the last thing said.
# Environment: CONFIG, SIEVE_BEFORE and SIEVE_AFTER (files; the last two may not exist).
set -eu
. ../../scripts/fail.sh

words=$(doveconf -n -c "$CONFIG" 2>&1 > /dev/null) || refused=1
if [ -n "${refused:-}$words" ]; then
  printf '%s\n' "$words" >&2
  exit 1
fi
for script in "$SIEVE_BEFORE" "$SIEVE_AFTER"; do
  [ -e "$script" ] || continue
  command -v sievec > /dev/null ||
    fail "this image has no sievec: set spec.dovecot.image to one with Pigeonhole, or remove spec.plugins.sieve"
  # Pigeonhole names the line first, and ends with less.
  words=$(sievec -c "$CONFIG" "$script" /tmp/check.svbin 2>&1) ||
    fail "$(printf '%s\n' "$words" | grep -m 1 ': error: ' || printf '%s\n' "$words" | tail -n 1)"
done
