# A volume has one writer: the pod that has the lock of its file .mailstack-owner, until its container has ended.
# Kubernetes lets two pods write where an administrator deletes a pod by force, and so does a volume that every node can
# reach. The kernel releases the lock of a process that is gone, the server of a network file system that of a node.

# lock_volume FOLDER: fails if another pod has the lock. It is that of file 9, which stays open in the server, or
# in the loops beside it. Without flock, or without locks on this file system, the volume is used all the same.
lock_volume() {
  owner=$1/.mailstack-owner
  if ! command -v flock > /dev/null || ! (: >> "$owner") 2> /dev/null; then
    echo "mailstack: $1 is used without a lock: this image has no flock, or $owner cannot be written" >&2
    return 0
  fi
  exec 9>> "$owner"
  words=$(flock -n 9 2>&1) && return 0
  [ -n "$words" ] || return 1
  echo "mailstack: $1 is used without a lock: $words" >&2
}
# say_owner WHAT FOLDER: ends with a message, and with the code by which the operator knows it (loop/pod_state.py).
say_owner() {
  { read -r pod < "$2/.mailstack-owner"; } 2> /dev/null || pod="another pod"
  say_last "mailstack: the $1 volume is still in use by $pod: this pod waits until that one has ended. If its node does not respond, bring it back or switch it off"
  exit 97
}
# wait_for_lock WHAT FOLDER MARK: after some seconds it ends, so that the pod's status says what it waits for, and notes
# that in the file MARK. Where there is such a file, it waits for as long as it takes.
wait_for_lock() {
  tries=0
  until lock_volume "$2"; do
    tries=$((tries + 1))
    if [ $tries -gt 5 ] && [ ! -e "$3" ]; then
      [ -z "$3" ] || : > "$3"
      say_owner "$1" "$2"
    fi
    sleep 1
  done
}
# await_volume WHAT FOLDER MARK: waits until no other pod writes to the volume.
await_volume() {
  trap 'exit 143' TERM
  wait_for_lock "$1" "$2" "$3"
  trap - TERM
  exec 9>&-
}
