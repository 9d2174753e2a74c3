# Runs MariaDB with the statements of /etc/source/users.
set -eu
data=/srv/mysql
install -d -o mysql -g mysql -m 0700 "$data" /run/mysqld
install -o mysql -m 0600 /etc/source/tls.crt /etc/source/tls.key /etc/source/ca.crt /run/mysqld/
mariadb-install-db --no-defaults --user=mysql --datadir="$data" > /dev/null
# Without users of no name, who would come before the one of Dovecot.
{
  echo "DELETE FROM mysql.global_priv WHERE User='';
FLUSH PRIVILEGES;
CREATE DATABASE mail;
USE mail;"
  cat /etc/source/users
} > /run/mysqld/init.sql
exec mariadbd --no-defaults --user=mysql --datadir="$data" --socket=/run/mysqld/mysqld.sock --bind-address=0.0.0.0 \
  --skip-name-resolve --init-file=/run/mysqld/init.sql \
  --ssl-cert=/run/mysqld/tls.crt --ssl-key=/run/mysqld/tls.key --ssl-ca=/run/mysqld/ca.crt
