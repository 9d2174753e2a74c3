# Runs slapd with the entries of /etc/source/users, again and again: whoever ends it has connections and TLS made anew.
set -eu
install -d -o openldap -g openldap -m 0700 /srv/ldap /run/slapd
install -o openldap -m 0600 /etc/source/tls.crt /etc/source/tls.key /run/slapd/
slapadd -q -f /opt/slapd.conf -l /etc/source/users
chown -R openldap:openldap /srv/ldap
while :; do
  slapd -u openldap -g openldap -f /opt/slapd.conf -h 'ldaps:/// ldap://127.0.0.1/' -d 0 || :
done
