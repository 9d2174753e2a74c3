. ./volume.sh

# hold_volume WHAT FOLDER: has the lock for as long as the container runs. Environment: POD_NAME, NODE_NAME.
hold_volume() {
  tries=0
  until lock_volume "$2"; do
    tries=$((tries + 1))
    [ $tries -le 5 ] || say_owner "$1" "$2"
    sleep 1
  done
  echo "pod $POD_NAME on node $NODE_NAME" 2> /dev/null > "$2/.mailstack-owner" || :
}
