# logged.sh LOG COMMAND...: runs the command with its output in a file too, and ends as it does.
set -eu
log=$1
shift
{
  status=0
  "$@" || status=$?
  echo "$status" > "$log.status"
} 2>&1 | tee "$log"
exit "$(cat "$log.status")"
