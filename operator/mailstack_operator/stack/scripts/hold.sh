. ./volume.sh

# hold_volume WHAT FOLDER: has the lock for as long as the container runs. Environment: POD_NAME, NODE_NAME.
hold_volume() {
  wait_for_lock "$1" "$2" ""
  echo "pod $POD_NAME on node $NODE_NAME" 2> /dev/null > "$2/.mailstack-owner" || :
}
