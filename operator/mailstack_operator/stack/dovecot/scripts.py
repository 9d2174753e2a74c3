"""The shell scripts of the Dovecot containers. Constants: nothing of the spec is ever part of a script.

They run in the /bin/sh of any image. What differs comes by the environment: DOVECOT_VERSION (2.4), MAIL_OWNER (a
number), ROOTLESS=1 if Dovecot runs as that number, POSTFIX_IDS=1 if `spool` has noted the ids of Postfix's image.
"""

from mailstack_operator.stack.paths import (
    DOVECOT_CONFIG,
    IDS_FOLDER,
    LMTP_TLS_FILE,
    MAIL_ROOT,
    SIEVE_AFTER,
    SIEVE_BEFORE,
    SIEVE_BINARIES,
    TLS_FILE,
    TLS_FOLDER,
)
from mailstack_operator.stack.topology import ROOTLESS_USER

_REFUSE = """\
refuse() {
  echo "mailstack: $1" >&2
  exit 1
}
"""

# Whether the image holds what the spec says, before the running pod is touched.
_IMAGE = """\
for program in dovecot doveconf doveadm cksum find grep install stat; do
  command -v "$program" > /dev/null ||
    refuse "this image has no $program: set spec.dovecot.image to one that holds Dovecot $DOVECOT_VERSION"
done
held=$(dovecot --version)
held=${held%% *}
case $held in
"$DOVECOT_VERSION".*) ;;
*)
  refuse "this image holds Dovecot $held, and spec.dovecot.version says $DOVECOT_VERSION:\
 set the version or the image"
  ;;
esac
"""

# Dovecot takes only names for a socket's owner and for whom it runs as: here each gets the number that it must have.
_ACCOUNTS = f"""\
account() {{
  {{ grep -v "^$1:" /etc/passwd; echo "$1:x:$2:$3::/nonexistent:/usr/sbin/nologin"; }} > {IDS_FOLDER}/passwd
  {{ grep -v "^$1:" /etc/group; echo "$1:x:$3:"; }} > {IDS_FOLDER}/group
}}
if [ -n "${{ROOTLESS:-}}" ]; then
  account {ROOTLESS_USER} "$MAIL_OWNER" "$MAIL_OWNER"
elif [ -n "${{POSTFIX_IDS:-}}" ]; then
  . {IDS_FOLDER}/postfix
  account postfix "$uid" "$gid"
else
  cat /etc/passwd > {IDS_FOLDER}/passwd
  cat /etc/group > {IDS_FOLDER}/group
fi
"""

# Mail of another owner is from before a switch to or from rootless. The top folder comes last: it tells the next run
# whether this one got to its end.
_STORE = f"""\
if [ "$(stat -c %u {MAIL_ROOT})" != "$MAIL_OWNER" ]; then
  find {MAIL_ROOT} -mindepth 1 -maxdepth 1 -exec chown -hR "$MAIL_OWNER:$MAIL_OWNER" {{}} +
fi
install -d -o "$MAIL_OWNER" -g "$MAIL_OWNER" -m 00770 {MAIL_ROOT}
"""

NAMES = _REFUSE + _IMAGE + _ACCOUNTS + _STORE

# In a container of its own, because doveconf looks up the accounts that NAMES has just written. A warning counts:
# what Dovecot says of its file is the last thing said.
CHECK = f"""\
{_REFUSE}\
words=$(doveconf -n -c {DOVECOT_CONFIG} 2>&1 > /dev/null) || refused=1
if [ -n "${{refused:-}}$words" ]; then
  printf '%s\\n' "$words" >&2
  exit 1
fi
for script in {SIEVE_BEFORE} {SIEVE_AFTER}; do
  [ -e "$script" ] || continue
  command -v sievec > /dev/null ||
    refuse "this image has no sievec: set spec.dovecot.image to one with Pigeonhole, or remove spec.plugins.sieve"
  # Pigeonhole names the line first, and ends with less.
  words=$(sievec -c {DOVECOT_CONFIG} "$script" /tmp/check.svbin 2>&1) ||
    refuse "$(printf '%s\n' "$words" | grep -m 1 ': error: ' || printf '%s\n' "$words" | tail -n 1)"
done
"""

# Dovecot reads a certificate once. Those who are logged in keep their session over a reload.
START = f"""\
mkdir -p {SIEVE_BINARIES}
chown "$MAIL_OWNER:$MAIL_OWNER" {SIEVE_BINARIES}
certificates() {{ cat {TLS_FILE} {LMTP_TLS_FILE} 2> /dev/null | cksum; }}
if [ -d {TLS_FOLDER} ]; then
  used=$(certificates)
  while sleep 5; do
    found=$(certificates)
    if [ "$found" != "$used" ] && doveadm -c {DOVECOT_CONFIG} reload; then
      used=$found
    fi
  done &
fi
exec dovecot -F -c {DOVECOT_CONFIG}
"""
