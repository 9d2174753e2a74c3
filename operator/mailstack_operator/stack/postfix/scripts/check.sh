# What `postfix check` found in order once stays so: it starts some thirty programs, while port 25 is away.
# check_spool IDS: those of the image's postfix. Environment: SPOOL.
check_spool() {
  known="$(postconf -dh mail_version) $1"
  if [ "$(cat "$SPOOL/.checked" 2> /dev/null)" = "$known" ] && has_folders; then
    # The names of queue files hold their inodes: those of a volume that was restored are others.
    quietly postsuper
  else
    # It makes the folders that are missing, too.
    quietly postfix check
    { echo "$known" > "$SPOOL/.checked"; } 2> /dev/null || true
  fi
}
has_folders() {
  for folder in active bounce corrupt defer deferred flush hold incoming maildrop pid public saved trace; do
    [ -d "$SPOOL/$folder" ] || return 1
  done
}
