# The last line of a failure says what to do: it begins with `mailstack: `, or is the message of a server's program.
# The kubelet may read a container's log before the last line has got there; this file it reads in any case.
say_last() {
  printf '%s\n' "$1" >&2
  [ ! -w /dev/termination-log ] || printf '%s\n' "$1" > /dev/termination-log
}
fail() {
  say_last "mailstack: $*"
  exit 1
}
