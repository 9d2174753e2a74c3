# Whether the cache of address verification, in the folder DATA, is damaged.
# Nothing but reading all of it tells. A time-out (124; busybox: 143) is no damage: a big map on a slow disk must not
# stop Postfix. Damage is an error (1) or a fault in the mapped file (SIGBUS 135, SIGSEGV 139).
cache_is_damaged() {
  [ -s "$DATA/verify_cache.lmdb" ] || return 1
  status=0
  timeout 8 postmap -s "lmdb:$DATA/verify_cache" > /dev/null || status=$?
  case $status in 1 | 135 | 139) return 0 ;; *) return 1 ;; esac
}
