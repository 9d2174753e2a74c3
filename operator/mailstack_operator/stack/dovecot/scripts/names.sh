# Checks the image, writes account files for the dovecot container, and prepares the mail volume.
# Environment: DOVECOT_VERSION (2.4), STORE and IDS (folders), MAIL_OWNER (a number), ROOTLESS_USER if Dovecot runs as
# that number, POSTFIX_IDS if `spool` has noted the ids of Postfix's image.
set -eu
. ../../scripts/fail.sh
. ../../scripts/volume.sh

# Whether the image holds what the spec says, before the running pod is touched.
for program in dovecot doveconf doveadm cksum find grep install stat; do
  command -v "$program" > /dev/null ||
    fail "this image has no $program: set spec.dovecot.image to one that holds Dovecot $DOVECOT_VERSION"
done
held=$(dovecot --version)
held=${held%% *}
case $held in
"$DOVECOT_VERSION".*) ;;
*) fail "this image holds Dovecot $held, and spec.dovecot.version says $DOVECOT_VERSION: set the version or the image" ;;
esac

# Dovecot takes only names for a socket's owner and for whom it runs as: here each gets the number that it must have.
account() {
  { grep -v "^$1:" /etc/passwd; echo "$1:x:$2:$3::/nonexistent:/usr/sbin/nologin"; } > "$IDS/passwd"
  { grep -v "^$1:" /etc/group; echo "$1:x:$3:"; } > "$IDS/group"
}
if [ -n "${ROOTLESS_USER:-}" ]; then
  account "$ROOTLESS_USER" "$MAIL_OWNER" "$MAIL_OWNER"
elif [ -n "${POSTFIX_IDS:-}" ]; then
  # shellcheck source=/dev/null
  . "$IDS/postfix"
  account postfix "${uid:?}" "${gid:?}"
else
  cat /etc/passwd > "$IDS/passwd"
  cat /etc/group > "$IDS/group"
fi

await_volume mail "$STORE" "$IDS/mail-awaited"
# Mail of another owner is from before a switch to or from rootless. The top folder comes last: it tells the next run
# whether this one was completed.
if [ "$(stat -c %u "$STORE")" != "$MAIL_OWNER" ]; then
  find "$STORE" -mindepth 1 -maxdepth 1 -exec chown -hR "$MAIL_OWNER:$MAIL_OWNER" {} +
fi
install -d -o "$MAIL_OWNER" -g "$MAIL_OWNER" -m 00770 "$STORE"
[ ! -e "$STORE/.mailstack-owner" ] || chown "$MAIL_OWNER:$MAIL_OWNER" "$STORE/.mailstack-owner"
