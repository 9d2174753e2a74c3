# What changes without a restart: the files of a running Postfix, which it reads again after a reload.
# Environment: as files.sh, and POD_DIGEST, of the pod that these files must be for. They have been rehearsed; a file
# that Postfix refuses all the same is not used, and why is in ETC/refused, which the probe reports.
refusal=$ETC/refused
refused=

# Whether there are other files than those in use, for this pod. `read` is the shell's own: it is asked each second.
is_changed() {
  read -r new < "$CONFIG/digest" && read -r used < "$ETC/digest" && read -r pod < "$CONFIG/pod" || return 1
  if [ "$new" = "$used" ] && [ -n "$refused" ]; then
    refused=
    rm -f "$refusal"
  fi
  [ "$new" != "$used" ] && [ "$new" != "$refused" ] && [ "$pod" = "$POD_DIGEST" ]
}
# files_problem FOLDER: prints what is wrong with the files there; a warning is a mistake, too.
files_problem() {
  { postconf -c "$1" -n > /dev/null; } 2>&1 || :
  { postconf -c "$1" -M > /dev/null; } 2>&1 || :
  tables_problem "$1" || :
  aliases_problem "$1" || :
}
# Tables come before what names them. A process that starts meanwhile reads complete files.
use_files() {
  for file in "$1"/*; do
    case ${file##*/} in main.cf | master.cf | digest | aliases.lmdb) ;; *) mv -f "$file" "$ETC" ;; esac
  done
  use_aliases "$1" && mv -f "$1/main.cf" "$1/master.cf" "$ETC"
}
# change FUNCTION: checks the new files, puts them in place, and has the function reload them. What fails is tried again.
change() {
  next=$ETC/.next
  rm -rf "$next"
  mkdir "$next"
  cp "$CONFIG"/* "$next" && match_kernel "$next" && settle "$next" || return
  # The kubelet may have changed them meanwhile.
  read -r copied < "$next/digest" && [ "$copied" = "$new" ] || return
  problem=$(files_problem "$next")
  if [ -n "$problem" ]; then
    refused=$new
    printf '%s\n' "$problem" > "$refusal"
    printf 'mailstack: the changed configuration is not used: %s\n' "$problem" >&2
    return
  fi
  use_files "$next" && "$1" && mv -f "$next/digest" "$ETC/digest" || return
  rm -rf "$next" "$refusal"
  refused=
  echo "mailstack: the changed configuration is in use"
}
# At the start: what was changed by hand in the files in use is undone.
restore_files() {
  read -r new < "$CONFIG/digest" && read -r used < "$ETC/digest" || return
  [ "$new" != "$used" ] || { cp "$CONFIG"/* "$ETC" && match_kernel "$ETC" && settle "$ETC"; }
}
# change_files FUNCTION: for as long as the container runs.
change_files() {
  while sleep 1; do
    if is_changed; then change "$1" || :; fi
  done
}
