"""The shell scripts of the Postfix containers, for dash and busybox. Constants: nothing of the spec is in a script.

Where one fails, its last line says what to do: the script's own line, which begins with `mailstack: `, or the
message of Postfix's program.
"""

from mailstack_operator.stack.paths import (
    IDS_FOLDER,
    LMTP_CA_FILE,
    POSTFIX_ALIASES,
    POSTFIX_DATA,
    POSTFIX_PRIVATE,
    POSTFIX_SPOOL,
    RELAY_FILE,
    RELAY_SECRET,
    TLS_FILE,
    TLS_FOLDER,
)

# Postfix's programs warn and go on; here a warning is a mistake that somebody should see.
_QUIETLY = """\
fail() { echo "mailstack: $*" >&2; exit 1; }
quietly() {
  words=$("$@" 2>&1 > /dev/null) && [ -z "$words" ] || { echo "$words" >&2; exit 1; }
}
"""

# What an image must hold. ROOTLESS_UID is in the environment if a rootless Dovecot shares private/.
_IMAGE = """\
for program in postfix postconf postalias postmap id install find chown cksum timeout; do
  command -v "$program" > /dev/null || fail "this image has no $program: set spec.postfix.image to one with Postfix"
done
uid=$(id -u postfix) || fail 'this image has no user postfix: set spec.postfix.image to one with Postfix'
gid=$(id -g postfix)
grep -q '^postdrop:' /etc/group || fail 'this image has no group postdrop: set spec.postfix.image to one with Postfix'
quietly postconf -n
quietly postconf -M
types=$(postconf -m)
echo "$types" | grep -qx lmdb || fail 'Postfix in this image has no lmdb tables: install them (Debian: postfix-lmdb)'
[ "${ROOTLESS_UID:-$uid}" = "$uid" ] ||
  fail "postfix has uid $uid in this image: set spec.dovecot.rootless.runAsUser: $uid"
"""

# Safe to run again on a spool in use. Mode 00700: a plain 0700 would keep a setgid bit.
# The folders may come from an image in which postfix had another number; they get that of this one.
_FOLDERS = f"""\
[ ! -d {IDS_FOLDER} ] || printf 'uid=%s\\ngid=%s\\n' "$uid" "$gid" > {IDS_FOLDER}/postfix
chmod 0755 {POSTFIX_SPOOL}
install -d -o "$uid" -g 0 -m 00700 {POSTFIX_PRIVATE}
install -d -o "$uid" -g "$gid" -m 00700 {POSTFIX_DATA}
postfix post-install create-missing
cd {POSTFIX_SPOOL}
find {POSTFIX_DATA} active bounce corrupt defer deferred flush hold incoming saved trace \\
  ! -user "$uid" -exec chown "$uid:$gid" {{}} +
chown "$uid:postdrop" maildrop public
"""

# Aliases that lead round LMTP are found in the table itself, so that no quoting or continuation hides one.
_ALIASES = f"""\
if [ -e {POSTFIX_ALIASES} ]; then
  install -o "$uid" -g "$gid" -m 00644 {POSTFIX_ALIASES} {POSTFIX_DATA}/aliases
  quietly postalias lmdb:{POSTFIX_DATA}/aliases
  round=$(postalias -s lmdb:{POSTFIX_DATA}/aliases | grep -E '[:,[:space:]]["[:space:]]*([|/]|:include:)' || true)
  [ -z "$round" ] || fail "aliases: commands, files and :include: do not work here, write addresses: $round"
fi
"""

SPOOL = _QUIETLY + _IMAGE + _FOLDERS + "quietly postfix check\n" + _ALIASES

# Nothing but reading all of it tells a damaged map. A time-out (124; busybox: 143) is no damage: a big map on a slow
# disk must not stop Postfix. Damage is an error (1) or a fault in the mapped file (SIGBUS 135, SIGSEGV 139).
_CACHE = f"""\
cache={POSTFIX_DATA}/verify_cache
unreadable() {{
  [ -s "$cache.lmdb" ] || return 1
  status=0
  timeout 8 postmap -s "lmdb:$cache" > /dev/null || status=$?
  case $status in 1 | 135 | 139) return 0 ;; *) return 1 ;; esac
}}
"""

# Fails while verify(8) could answer nobody; a restart of the container begins the cache anew.
CACHE_READABLE = _CACHE + "! unreadable\n"

_HEAL = """\
if unreadable; then
  echo "mailstack: the cache of address verification cannot be read: kept as $cache.unreadable, begun anew" >&2
  mv -f "$cache.lmdb" "$cache.unreadable"
fi
"""

# What is renewed without a restart: Postfix reads it again after `postfix reload`, and open sessions go on.
_RENEWALS = f"""\
credentials() {{
  [ -d {RELAY_SECRET} ] || return 0
  user=$(tr -d '\\r\\n' < {RELAY_SECRET}/username)
  password=$(tr -d '\\r\\n' < {RELAY_SECRET}/password)
  line="$(postconf -h relayhost) $user:$password"
  (umask 077 && printf '%s\\n' "$line" > {RELAY_FILE}.new)
  mv {RELAY_FILE}.new {RELAY_FILE}
}}
renewed() {{
  cat {TLS_FILE} {LMTP_CA_FILE} {RELAY_SECRET}/username {RELAY_SECRET}/password 2> /dev/null | cksum
}}
reload() {{
  while sleep 5; do
    now=$(renewed)
    [ "$now" = "$used" ] || {{ credentials && postfix reload && used=$now; }} || true
  done
}}
"""

# `postfix start-fg` becomes process 1, and the loop its child.
START = f"""\
{_CACHE}{_HEAL}{_RENEWALS}\
used=$(renewed)
credentials
if [ -d {TLS_FOLDER} ] || [ -d {RELAY_SECRET} ]; then reload & fi
exec postfix start-fg
"""

# Waits until no message is in delivery, 15 s at most: a delivery cut short is delivered twice.
DRAIN = f"""\
cd {POSTFIX_SPOOL}
for _ in $(seq 75); do
  [ -n "$(find incoming active -type f)" ] || exit 0
  sleep 0.2
done
"""
