# The last line of a failure says what to do: it begins with `mailstack: `, or is the message of a server's program.
fail() {
  echo "mailstack: $*" >&2
  exit 1
}
