# What is renewed without a restart: the server reads it again after a reload, and open sessions go on.

# content FILE...: a digest of those that exist.
content() {
  cat "$@" 2> /dev/null | cksum
}
# reload_on_change DIGEST FUNCTION FILE...: calls the function when they change, again until it succeeds.
reload_on_change() {
  used=$1
  reload=$2
  shift 2
  while sleep 5; do
    now=$(content "$@")
    if [ "$now" != "$used" ] && "$reload"; then
      used=$now
    fi
  done
}
