# Lets Dovecot check its files: they do not change while the pod is there, so once is enough. Only an error ends the
# container; a warning is logged, and kept for the probe, which reports it.
# Environment: CONFIG, WARNINGS (where to write them), SIEVE_BEFORE and SIEVE_AFTER (files; the last two may not exist).

# check_files: notes the warnings at the end. While there is no such file, it has not been completed.
check_files() {
  said=$(doveconf -n -c "$CONFIG" 2>&1 > /dev/null) || {
    say_last "$said"
    exit 1
  }
  check_plugins
  check_sieve
  [ -z "$said" ] || printf '%s\n' "$said" >&2
  printf '%s\n' "$said" > "$WARNINGS"
}
check_plugins() {
  modules=$(doveconf -c "$CONFIG" -h -f protocol=imap mail_plugin_dir 2> /dev/null) || modules=
  ls "${CONFIG%/*}/extra.conf" "$modules"/lib*_quota_plugin.so > /dev/null 2>&1 || return 0
  for protocol in imap lmtp; do
    plugin=$(missing_plugin $protocol)
    [ -z "$plugin" ] ||
      fail "extraConfig: this image has no plugin $plugin, which mail_plugins of the protocol $protocol names: remove it." \
        "Dovecot 2.4 has no \$mail_plugins: there, write lines such as imap_acl = yes in mail_plugins { }"
  done
}
# missing_plugin PROTOCOL: the first of its mail_plugins that this image does not have. doveconf takes any name, and mail
# programs are refused only when they open a mailbox. Old settings are a list of names, those of 2.4 lines `name = yes`.
missing_plugin() {
  doveconf -c "$CONFIG" -h -f "protocol=$1" mail_plugins 2> /dev/null |
    sed -e '/= no$/d' -e 's/ = yes$//' | tr ' ' '\n' | while read -r plugin; do
    [ -z "$plugin" ] || set -- "$modules"/lib*_"$plugin"_plugin.so
    [ -z "$plugin" ] || [ -e "$1" ] || { echo "$plugin" && break; }
  done
}
check_sieve() {
  for script in "$SIEVE_BEFORE" "$SIEVE_AFTER"; do
    [ -e "$script" ] || continue
    command -v sievec > /dev/null ||
      fail "this image has no sievec: set spec.dovecot.image to one with Pigeonhole, or remove spec.plugins.sieve"
    # Pigeonhole names the line first, and ends with less.
    words=$(sievec -c "$CONFIG" "$script" /tmp/check.svbin 2>&1) ||
      fail "$(printf '%s\n' "$words" | grep -m 1 ': error: ' || printf '%s\n' "$words" | tail -n 1)"
  done
}
