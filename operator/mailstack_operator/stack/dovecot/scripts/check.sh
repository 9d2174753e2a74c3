# Lets Dovecot check its files, in a container of its own: doveconf looks up the accounts that names.sh has just
# written. Only an error stops the pod; a warning is kept for the probe, which reports it.
# Environment: CONFIG, WARNINGS (where to write them), SIEVE_BEFORE and SIEVE_AFTER (files; the last two may not exist).
set -eu
. ../../scripts/fail.sh

words=$(doveconf -n -c "$CONFIG" 2>&1 > /dev/null) || {
  say_last "$words"
  exit 1
}
[ -z "$words" ] || printf '%s\n' "$words" >&2
printf '%s\n' "$words" > "$WARNINGS"
for script in "$SIEVE_BEFORE" "$SIEVE_AFTER"; do
  [ -e "$script" ] || continue
  command -v sievec > /dev/null ||
    fail "this image has no sievec: set spec.dovecot.image to one with Pigeonhole, or remove spec.plugins.sieve"
  # Pigeonhole names the line first, and ends with less.
  words=$(sievec -c "$CONFIG" "$script" /tmp/check.svbin 2>&1) ||
    fail "$(printf '%s\n' "$words" | grep -m 1 ': error: ' || printf '%s\n' "$words" | tail -n 1)"
done
