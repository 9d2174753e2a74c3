"""The shell scripts of the pod. Constants: nothing of the spec is ever part of a script."""

from mailstack_operator.desired.volumes import IDS_FOLDER
from mailstack_operator.topology import (
    MAIL_GID,
    MAIL_ROOT,
    MAIL_UID,
    POSTFIX_DATA,
    POSTFIX_PRIVATE,
    POSTFIX_SPOOL,
)

# Safe to run again on a spool in use. Mode 00700: a plain 0700 would keep a setgid bit.
SPOOL = f"""\
uid=$(id -u postfix)
gid=$(id -g postfix)
printf 'uid=%s\\ngid=%s\\n' "$uid" "$gid" > {IDS_FOLDER}/postfix
chmod 0755 {POSTFIX_SPOOL}
install -d -o "$uid" -g 0 -m 00700 {POSTFIX_PRIVATE}
install -d -o "$uid" -g "$gid" -m 00700 {POSTFIX_DATA}
postfix post-install create-missing
"""

# Dovecot takes only names for a socket's owner, so `postfix` gets the number that Postfix's image gave it.
NAMES = f"""\
. {IDS_FOLDER}/postfix
cd {IDS_FOLDER}
{{ grep -v '^postfix:' /etc/passwd; echo "postfix:x:$uid:$gid::/nonexistent:/usr/sbin/nologin"; }} > passwd
{{ grep -v '^postfix:' /etc/group; echo "postfix:x:$gid:"; }} > group
install -d -o {MAIL_UID} -g {MAIL_GID} -m 00770 {MAIL_ROOT}
"""

# Waits until no message is in delivery, 15 s at most: a delivery cut short is delivered twice.
DRAIN = f"""\
cd {POSTFIX_SPOOL}
for _ in $(seq 75); do
  [ -n "$(find incoming active -type f)" ] || exit 0
  sleep 0.2
done
"""
