"""Servers that hold users, as pods of the image e2e-sources: PostgreSQL, MariaDB, and slapd with Active Directory's
attributes."""

import base64
from collections.abc import Callable
from dataclasses import dataclass

from harness import images
from mailtest.certificates import Authority
from mailtest.kubectl import Kubectl, Object
from mailtest.manifests import PASSWORD, address

# What Dovecot's files have to quote, each in its own way.
SECRET = """it's "a \\ secret  #x host=y %{user} $HOME ;"""
# Dave is the postmaster of manifests.mailstack, and so the canary.
USERS = ("dave", "alice", "bob")
BOBS_BYTES = 204_800
FOLDER = "/etc/source"


@dataclass(frozen=True)
class Kind:
    """A server: its port, what it is filled with, the variant of spec.users for it, and the program that reads changes,
    such as the addition or removal of a user. `alias` is a further address of alice."""

    name: str
    port: int
    users: Callable[[], str]
    spec: Callable[[str], Object]
    program: tuple[str, ...]
    add: Callable[[str], str]
    remove: Callable[[str], str]
    alias: str | None = None


def _sql(grant: str) -> str:
    table = "address varchar(255) PRIMARY KEY, password varchar(255), quota_bytes bigint, active boolean DEFAULT true"
    return "\n".join((f"CREATE TABLE users ({table});", *map(_insert, USERS), grant, ""))


def _insert(user: str) -> str:
    values = f"'{address(user)}', '{{PLAIN}}{PASSWORD}', {BOBS_BYTES if user == 'bob' else 'NULL'}"
    filled = f"INTO users (address, password, quota_bytes) VALUES ({values})"
    return f"INSERT {filled};\n"


def _delete(user: str) -> str:
    return " ".join(("DELETE", f"FROM users WHERE address = '{address(user)}';\n"))


def _postgresql_users() -> str:
    secret = SECRET.replace("'", "''")
    return _sql(f"CREATE ROLE dovecot LOGIN PASSWORD '{secret}';\nGRANT SELECT ON users TO dovecot;")


def _mysql_users() -> str:
    secret = SECRET.replace("\\", "\\\\").replace("'", "\\'")
    return _sql(
        f"CREATE USER dovecot@'%' IDENTIFIED BY '{secret}' REQUIRE SSL;\nGRANT SELECT ON mail.* TO dovecot@'%';"
    )


def _ldap_users() -> str:
    secret = base64.b64encode(SECRET.encode()).decode()
    top = "dn: dc=example,dc=org\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example\n"
    dovecot = (
        "dn: cn=dovecot,dc=example,dc=org\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n"
        f"cn: dovecot\nuserPassword:: {secret}\n"
    )
    people = "dn: ou=people,dc=example,dc=org\nobjectClass: organizationalUnit\nou: people\n"
    return "\n".join((top, dovecot, people, *map(_entry, USERS)))


def _entry(user: str) -> str:
    quota = f"mailQuotaBytes: {BOBS_BYTES}\n" if user == "bob" else ""
    return (
        f"{_dn(user)}objectClass: inetOrgPerson\nobjectClass: user\ncn: {user}\n"
        f"sn: {user}\nmail: {address(user)}\nproxyAddresses: smtp:{address(_alias(user))}\nuserAccountControl: 512\n"
        f"userPassword: {PASSWORD}\n{quota}"
    )


def _dn(user: str) -> str:
    return f"dn: cn={user},ou=people,dc=example,dc=org\n"


def _alias(user: str) -> str:
    return f"{user}.alias"


def _remove_entry(user: str) -> str:
    return f"{_dn(user)}changetype: delete\n"


def _database(driver: str) -> Callable[[str], Object]:
    def spec(host: str) -> Object:
        return {"sql": {"driver": driver, "hosts": [host], "database": "mail", "user": "dovecot", **_credentials()}}

    return spec


def _directory(host: str) -> Object:
    disabled = "(userAccountControl=514)"
    return {
        "ldap": {
            "uris": [f"ldaps://{host}"],
            "bindDn": "cn=dovecot,dc=example,dc=org",
            "base": "ou=people,dc=example,dc=org",
            "filter": f"(&(objectClass=user)(!{disabled}))",
            "quotaAttribute": "mailQuotaBytes",
            "aliases": {"attribute": "proxyAddresses", "prefix": "smtp:"},
            **_credentials(),
        }
    }


def _credentials() -> Object:
    return {"password": {"secretName": "source-password"}, "tls": {"caSecretName": "source-ca"}}


_PSQL = ("psql", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h", "/run/postgresql", "-d", "mail")
_MARIADB = ("mariadb", "-S", "/run/mysqld/mysqld.sock", "mail")
# It adds what does not say that it is another change.
_LDAP = ("ldapmodify", "-a", "-x", "-H", "ldap://127.0.0.1", "-D", "cn=admin,dc=example,dc=org", "-w", "admin")
KINDS = {
    kind.name: kind
    for kind in (
        Kind("postgresql", 5432, _postgresql_users, _database("PostgreSQL"), _PSQL, _insert, _delete),
        Kind("mysql", 3306, _mysql_users, _database("MySQL"), _MARIADB, _insert, _delete),
        Kind("ldap", 636, _ldap_users, _directory, _LDAP, _entry, _remove_entry, address(_alias("alice"))),
    )
}


@dataclass(frozen=True)
class Source:
    """The server of a kind in a namespace. Its users are as at first whenever its pod starts."""

    kubectl: Kubectl
    kind: Kind

    @property
    def host(self) -> str:
        """As its certificate names it."""
        return f"{self.kind.name}.{self.kubectl.namespace}.svc.cluster.local"

    @property
    def spec(self) -> Object:
        """Of the field `users` of a MailStack."""
        return self.kind.spec(self.host)

    def prepare(self, authority: Authority) -> None:
        """Its Secret and its Service."""
        certificate = authority.issue(self.host)
        files = {"tls.crt": certificate.chain, "tls.key": certificate.key, "ca.crt": certificate.ca}
        self.kubectl.apply(_secret(self.kind.name, {**files, "users": self.kind.users()}), _service(self.kind))

    def start(self) -> None:
        self.kubectl.apply(_pod(self.kind))

    def stop(self) -> None:
        self.kubectl.delete("pod", self.kind.name, "--grace-period=0", "--force")

    def add(self, user: str) -> None:
        self._change(self.kind.add(user))

    def remove(self, *users: str) -> None:
        """The server answers as before."""
        self._change("\n".join(map(self.kind.remove, users)))

    def _change(self, text: str) -> None:
        self.kubectl.execute(self.kind.name, "source", *self.kind.program, stdin=text)


def credentials(authority: Authority) -> list[Object]:
    """The Secrets that a MailStack names."""
    return [_secret("source-password", {"password": SECRET}), _secret("source-ca", {"ca.crt": authority.pem})]


def _secret(name: str, data: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def _service(kind: Kind) -> Object:
    spec = {"selector": {"source": kind.name}, "ports": [{"port": kind.port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": kind.name}, "spec": spec}


def _pod(kind: Kind) -> Object:
    container = {
        "name": "source",
        "image": images.SOURCES.reference,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", f"/opt/{kind.name}.sh"],
        "readinessProbe": {"tcpSocket": {"port": kind.port}, "periodSeconds": 1},
        "volumeMounts": [{"name": "files", "mountPath": FOLDER, "readOnly": True}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": kind.name, "labels": {"source": kind.name}},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
            "volumes": [{"name": "files", "secret": {"secretName": kind.name}}],
        },
    }
