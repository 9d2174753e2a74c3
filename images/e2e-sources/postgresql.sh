# Runs PostgreSQL with the statements of /etc/source/users, over TLS alone but for its own socket.
set -eu
bin=$(echo /usr/lib/postgresql/*/bin)
data=/srv/postgresql
as_postgres() {
  setpriv --reuid=postgres --regid=postgres --init-groups "$@"
}
install -d -o postgres -g postgres -m 0700 "$data" /run/postgresql
install -o postgres -m 0600 /etc/source/tls.crt /etc/source/tls.key /run/postgresql/
as_postgres "$bin/initdb" -D "$data" -A trust -E UTF8 > /dev/null
echo "local all all trust
hostssl all all all scram-sha-256" > "$data/pg_hba.conf"
as_postgres "$bin/pg_ctl" -D "$data" -w -o "-c listen_addresses= -c unix_socket_directories=/run/postgresql" start > /dev/null
as_postgres createdb -h /run/postgresql mail
as_postgres psql -q -v ON_ERROR_STOP=1 -h /run/postgresql -d mail -f /etc/source/users
as_postgres "$bin/pg_ctl" -D "$data" -w stop > /dev/null
exec setpriv --reuid=postgres --regid=postgres --init-groups "$bin/postgres" -D "$data" \
  -c 'listen_addresses=*' -c unix_socket_directories=/run/postgresql -c ssl=on \
  -c ssl_cert_file=/run/postgresql/tls.crt -c ssl_key_file=/run/postgresql/tls.key
