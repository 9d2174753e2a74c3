# The files of /etc/postfix, from the ConfigMap, which the kubelet changes under a running server.
# Environment: CONFIG (the ConfigMap), ETC (Postfix's folder), DATA.

# match_kernel FOLDER: the main.cf there as this node's kernel can have it. Without IPv6 (ipv6.disable=1) each process of
# Postfix would warn.
match_kernel() {
  [ -e /proc/net/if_inet6 ] || postconf -c "$1" -e 'inet_protocols = ipv4'
}
# settle FOLDER: the files there are complete. Postfix reads none that is younger than two seconds, which somebody may be
# writing: postconf and each process that opens a table would wait.
settle() {
  folder=$1
  set --
  for file in "$CONFIG"/*; do set -- "$@" "$folder/${file##*/}"; done
  touch -t 200001010000 "$@" 2> /dev/null || :
}
# aliases_problem FOLDER: compiles the FOLDER's table of aliases, if it has one; prints what is wrong with it.
# Aliases that bypass LMTP are found in the table itself, so that no quoting or continuation hides one.
aliases_problem() {
  [ -e "$1/aliases" ] || return 0
  rm -f "$1/aliases.lmdb"
  words=$(postalias "lmdb:$1/aliases" 2>&1) || words=${words:-mailstack: aliases: postalias failed}
  [ -z "$words" ] || { echo "$words"; return; }
  bypass=$(postalias -s "lmdb:$1/aliases" | grep -E '[:,[:space:]]["[:space:]]*([|/]|:include:)' || true)
  [ -z "$bypass" ] ||
    echo "mailstack: aliases: commands, files and :include: do not work here, write addresses: $bypass"
}
# table_problem TYPE PATH: prints why Postfix could not open the table. Of one that Postfix makes itself, the path is `-`;
# one on another server is not asked.
table_problem() {
  postconf -m | grep -qx "$1" || { echo "this image has no tables of the type $1"; return; }
  case $1:$2 in
    *:-) ;;
    ldap:* | memcache:* | mongodb:* | mysql:* | pgsql:* | sqlite:*) [ -r "$2" ] || echo "there is no file $2" ;;
    *) postmap -q mailstack "$1:$2" 2>&1 > /dev/null | sed -n -E 's/.*(fatal|error): //p' | head -n 1 ;;
  esac
}
# tables_problem FOLDER: prints what is wrong with the first such table of FOLDER/tables, which the spec's own parameters
# name. Postfix opens them when it first needs them, and defers all mail then.
tables_problem() {
  [ -e "$1/tables" ] || return 0
  while read -r name type path; do
    words=$(table_problem "$type" "$path" < /dev/null)
    [ -z "$words" ] || {
      echo "mailstack: $name: $words: write the table into the value, such as regexp:{{/x/ y}} or inline:{x=y}, or set" \
        "spec.postfix.image to one that holds it"
      return
    }
  done < "$1/tables"
}
# use_aliases FOLDER: what aliases_problem compiled takes the place of the table in use.
use_aliases() {
  [ -e "$1/aliases.lmdb" ] || return 0
  cp "$1/aliases.lmdb" "$DATA/.aliases.new"
  mv -f "$DATA/.aliases.new" "$DATA/aliases.lmdb"
}
