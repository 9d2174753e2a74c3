# Prepares Postfix's folders and checks its files. Can run again on a spool in use.
# Environment: SPOOL, PRIVATE, DATA, IDS, CONFIG, ETC (folders), and ROOTLESS_UID if a rootless Dovecot shares PRIVATE.
set -eu
. ../../scripts/fail.sh
. ../../scripts/volume.sh
. ./files.sh
. ./check.sh

# Postfix's programs warn and go on; here a warning is a mistake that somebody should see.
quietly() {
  if words=$("$@" 2>&1 > /dev/null) && [ -z "$words" ]; then return; fi
  say_last "$words"
  exit 1
}

# What an image must hold.
for program in postfix postconf postalias postmap id install find chown cksum timeout; do
  command -v "$program" > /dev/null || fail "this image has no $program: set spec.postfix.image to one with Postfix"
done
uid=$(id -u postfix) || fail 'this image has no user postfix: set spec.postfix.image to one with Postfix'
gid=$(id -g postfix)
grep -q '^postdrop:' /etc/group || fail 'this image has no group postdrop: set spec.postfix.image to one with Postfix'

await_volume queue "$SPOOL" "$IDS/queue-awaited"
# ETC takes the place of the image's /etc/postfix: with what else is in that, such as dynamicmaps.cf.
chmod 0755 "$ETC"
[ ! -d /etc/postfix ] || cp -Rp /etc/postfix/. "$ETC"
for file in "$CONFIG"/*; do
  rm -f "$ETC/${file##*/}"
  cp "$file" "$ETC/${file##*/}"
done
match_kernel "$ETC"
settle "$ETC"
export MAIL_CONFIG="$ETC"
quietly postconf -n
quietly postconf -M
types=$(postconf -m)
echo "$types" | grep -qx lmdb || fail 'Postfix in this image has no lmdb tables: install them (Debian: postfix-lmdb)'
[ "${ROOTLESS_UID:-$uid}" = "$uid" ] ||
  fail "postfix has uid $uid in this image: set spec.dovecot.rootless.runAsUser: $uid"

# Mode 00700: a plain 0700 would keep a setgid bit.
# The folders may come from an image in which postfix had another number; they get that of this one.
printf 'uid=%s\ngid=%s\n' "$uid" "$gid" > "$IDS/postfix"
chmod 0755 "$SPOOL"
install -d -o "$uid" -g 0 -m 00700 "$PRIVATE"
install -d -o "$uid" -g "$gid" -m 00700 "$DATA"
set -- "$DATA"
for folder in active bounce corrupt defer deferred flush hold incoming saved trace; do
  [ ! -d "$SPOOL/$folder" ] || set -- "$@" "$SPOOL/$folder"
done
find "$@" ! -user "$uid" -exec chown "$uid:$gid" {} +
for folder in maildrop public; do
  [ ! -d "$SPOOL/$folder" ] || chown "$uid:postdrop" "$SPOOL/$folder"
done
# What an earlier version copied for a chroot; `postfix check` warns where it differs from the files of this pod.
rm -rf "${SPOOL:?}/etc" "${SPOOL:?}/lib"
check_spool "$uid:$gid"
# So that `postfix start-fg`, which removes the file, does not check all of it again; after a crash of the container it
# does, and so it does on a volume that is full.
touch "$SPOOL/quick-start" 2> /dev/null || true

# Of the ConfigMap: an earlier list may be left in ETC.
problem=$(tables_problem "$CONFIG" && aliases_problem "$ETC")
if [ -n "$problem" ]; then
  say_last "$problem"
  exit 1
fi
use_aliases "$ETC"
