"""Servers that hold users, as pods of the image e2e-sources: PostgreSQL, MariaDB, and slapd with Active Directory's
attributes."""

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import yaml

from harness import images, paths
from mailtest import node
from mailtest.certificates import Authority, Certificate
from mailtest.kubectl import Kubectl, Object
from mailtest.manifests import DOMAIN, PASSWORD, address
from mailtest.wait import until

# What Dovecot's files have to quote, each in its own way.
SECRET = """it's "a \\ secret  #x host=y %{user} $HOME ;"""
# The password that takes its place.
RENEWED = """its 'heir, a \\ secret  #x %{host} "$0;"""
_SHOWN = re.compile(r"secret[\\ ]+#x")
# The postmaster of manifests.mailstack.
CANARY = "dave"
USERS = (CANARY, "alice", "bob", "o'brien")
# No user at first.
LATER = "dora"
# A row or an entry is there, and says that it is of no user.
DISABLED = "eve"
BOBS_BYTES = 204_800
FOLDER = "/etc/source"
# Of each Service.
_PORT = "source"


@dataclass(frozen=True)
class Kind:
    """A server: its port, what it is filled with, the variant of spec.users for its hosts, and the program that reads
    changes: `add` and `remove` a user, `cut` Dovecot's connections, change Dovecot's `password`, `hide` the table or
    base and `show` it, `limit` the connections. `folder` is where the server has its certificate, which it takes by
    `reread`. `alias` is the local part of a further address of a user, or the user's own."""

    name: str
    port: int
    users: Callable[[], str]
    spec: Callable[..., Object]
    program: tuple[str, ...]
    add: Callable[[str], str]
    remove: Callable[[str], str]
    folder: str
    cut: str
    password: Callable[[str], str]
    hide: str
    show: str
    reread: str = ""
    limit: Callable[[int], str] | None = None
    alias: Callable[[str], str] = str


def _sql(*grants: str) -> str:
    table = "address varchar(255) PRIMARY KEY, password varchar(255), quota_bytes bigint, active boolean DEFAULT true"
    return "\n".join((f"CREATE TABLE users ({table});", *map(_insert, (*USERS, DISABLED)), *grants, ""))


def _insert(user: str) -> str:
    quota, active = BOBS_BYTES if user == "bob" else "NULL", str(user != DISABLED).lower()
    values = f"{_literal(address(user))}, '{{PLAIN}}{PASSWORD}', {quota}, {active}"
    filled = f"INTO users (address, password, quota_bytes, active) VALUES ({values})"
    return f"INSERT {filled};\n"


def _delete(user: str) -> str:
    return " ".join(("DELETE", f"FROM users WHERE address = {_literal(address(user))};\n"))


def _literal(text: str) -> str:
    quoted = text.replace("'", "''")
    return f"'{quoted}'"


def _postgresql_users() -> str:
    return _sql(f"CREATE ROLE dovecot LOGIN;\n{_postgresql_password(SECRET)}\nGRANT SELECT ON users TO dovecot;")


def _postgresql_password(secret: str) -> str:
    return f"ALTER ROLE dovecot PASSWORD {_literal(secret)};"


def _postgresql_limit(connections: int) -> str:
    """-1 is none."""
    return f"ALTER ROLE dovecot CONNECTION LIMIT {connections};"


def _mysql_users() -> str:
    """Without REQUIRE SSL: that nothing goes in clear, and to no other server, is Dovecot's business."""
    dovecot = f"CREATE USER dovecot@'%';\n{_mysql_password(SECRET)}\nGRANT SELECT ON mail.* TO dovecot@'%';"
    return _sql(dovecot, *_domains_and_aliases())


def _domains_and_aliases() -> Iterator[str]:
    """The further tables of docs/users-sql.md. An alias stays when its user is removed."""
    yield "CREATE TABLE domains (name varchar(255) PRIMARY KEY, active boolean DEFAULT true);"
    yield _row("domains (name)", DOMAIN)
    yield "CREATE TABLE aliases (alias varchar(255) PRIMARY KEY, address varchar(255));"
    for user in (*USERS, LATER):
        yield _row("aliases (alias, address)", address(_alias(user)), address(user))


def _row(table: str, *values: str) -> str:
    filled = f"INTO {table} VALUES ({', '.join(map(_literal, values))})"
    return f"INSERT {filled};"


def _mysql_password(secret: str) -> str:
    quoted = _literal(secret.replace("\\", "\\\\"))
    return f"ALTER USER dovecot@'%' IDENTIFIED BY {quoted};"


def _ldap_users() -> str:
    top = "dn: dc=example,dc=org\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example\n"
    dovecot = (
        f"{_DOVECOT}objectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: dovecot\n{_encoded(SECRET)}"
    )
    people = "dn: ou=people,dc=example,dc=org\nobjectClass: organizationalUnit\nou: people\n"
    return "\n".join((top, dovecot, people, *map(_entry, (*USERS, DISABLED))))


def _encoded(secret: str) -> str:
    return f"userPassword:: {base64.b64encode(secret.encode()).decode()}\n"


def _ldap_password(secret: str) -> str:
    return f"{_DOVECOT}changetype: modify\nreplace: userPassword\n{_encoded(secret)}"


def _renamed(old: str, new: str) -> str:
    """The base, with all below it."""
    return f"dn: ou={old},dc=example,dc=org\nchangetype: modrdn\nnewrdn: ou={new}\ndeleteoldrdn: 1\n"


def _entry(user: str) -> str:
    quota = f"mailQuotaBytes: {BOBS_BYTES}\n" if user == "bob" else ""
    control = 514 if user == DISABLED else 512
    return (
        f"{_dn(user)}objectClass: inetOrgPerson\nobjectClass: user\ncn: {user}\n"
        f"sn: {user}\nmail: {address(user)}\nproxyAddresses: smtp:{address(_alias(user))}\n"
        f"userAccountControl: {control}\nuserPassword: {PASSWORD}\n{quota}"
    )


def _dn(user: str) -> str:
    return f"dn: cn={user},ou=people,dc=example,dc=org\n"


def _alias(user: str) -> str:
    return f"{user}.alias"


def _remove_entry(user: str) -> str:
    return f"{_dn(user)}changetype: delete\n"


def _postgresql(*hosts: str) -> Object:
    """With the queries that are there by default."""
    return {"sql": {"driver": "PostgreSQL", **_database(*hosts)}}


def _mysql(*hosts: str) -> Object:
    """With the query of docs/users-sql.md for domains and aliases."""
    page = (paths.repository() / "docs" / "users-sql.md").read_text(encoding="utf-8")
    (query,) = re.findall(r"^userQuery: >-\n(?: .+\n)+", page, re.MULTILINE)
    return {"sql": {"driver": "MySQL", **_database(*hosts), **yaml.safe_load(query)}}


def _database(*hosts: str) -> Object:
    return {"hosts": hosts, "database": "mail", "user": "dovecot", **_credentials()}


def _directory(*hosts: str) -> Object:
    """With what docs/users-ldap.md shows for Active Directory."""
    example = (paths.repository() / "examples" / "features" / "users-ldap.yaml").read_text(encoding="utf-8")
    shown = next(yaml.safe_load_all(example))["spec"]["users"]["ldap"]
    return {
        "ldap": {
            "uris": [f"ldaps://{host}" for host in hosts],
            "bindDn": "cn=dovecot,dc=example,dc=org",
            "base": "ou=people,dc=example,dc=org",
            "quotaAttribute": "mailQuotaBytes",
            **{field: shown[field] for field in ("filter", "addressAttribute", "aliases")},
            **_credentials(),
        }
    }


def _credentials() -> Object:
    return {"password": {"secretName": "source-password"}, "tls": {"caSecretName": "source-ca"}}


_DOVECOT = "dn: cn=dovecot,dc=example,dc=org\n"
_PSQL = ("psql", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h", "/run/postgresql", "-d", "mail")
# By its own socket, whatever certificate the server shows.
_MARIADB = ("mariadb", "--skip-ssl", "-S", "/run/mysqld/mysqld.sock", "mail")
# It adds what does not say that it is another change.
_LDAP = ("ldapmodify", "-a", "-x", "-H", "ldap://127.0.0.1", "-D", "cn=admin,dc=example,dc=org", "-w", "admin")
_POSTGRESQL = Kind(
    "postgresql",
    5432,
    _postgresql_users,
    _postgresql,
    _PSQL,
    _insert,
    _delete,
    folder="/run/postgresql",
    cut="SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'dovecot';",
    password=_postgresql_password,
    hide="ALTER TABLE users RENAME TO away;",
    show="ALTER TABLE away RENAME TO users;",
    reread="SELECT pg_reload_conf();",
    limit=_postgresql_limit,
)
_MYSQL = Kind(
    "mysql",
    3306,
    _mysql_users,
    _mysql,
    _MARIADB,
    _insert,
    _delete,
    folder="/run/mysqld",
    cut="KILL USER dovecot;",
    password=_mysql_password,
    hide="ALTER TABLE users RENAME TO away;",
    show="ALTER TABLE away RENAME TO users;",
    reread="FLUSH SSL;",
    alias=_alias,
)
_DIRECTORY = Kind(
    "ldap",
    636,
    _ldap_users,
    _directory,
    _LDAP,
    _entry,
    _remove_entry,
    folder="/run/slapd",
    cut="",
    password=_ldap_password,
    hide=_renamed("people", "away"),
    show=_renamed("away", "people"),
    alias=_alias,
)
KINDS = {kind.name: kind for kind in (_POSTGRESQL, _MYSQL, _DIRECTORY)}


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

    @property
    def second_host(self) -> str:
        """Its certificate names it, and it leads nowhere at first."""
        return f"{self.kind.name}-second.{self.kubectl.namespace}.svc.cluster.local"

    @property
    def spec_of_two(self) -> Object:
        """As `spec`, with the second host before the other."""
        return self.kind.spec(self.second_host, self.host)

    def prepare(self, authority: Authority, stranger: Authority) -> None:
        """Its Secret and its Services. `stranger` is a CA that nobody trusts."""
        certificates = {
            "tls": authority.issue(self.host, self.second_host),
            "other-ca": stranger.issue(self.host, self.second_host),
            "other-name": authority.issue("stranger.example.org"),
        }
        files = {f"{name}.{end}": text for name, each in certificates.items() for end, text in _pem(each)}
        files |= {"ca.crt": authority.pem, "users": self.kind.users()}
        self.kubectl.apply(_secret(self.kind.name, files))
        self.lead(second="nowhere")

    def lead(self, *, first: str | None = None, second: str) -> None:
        """Lets the hosts lead to the pod of this name; the first one leads to the server if nothing is said."""
        services = ((self.kind.name, first or self.kind.name), (f"{self.kind.name}-second", second))
        self.kubectl.apply(*(_service(name, self.kind, pod) for name, pod in services))

    def fail_over(self) -> None:
        """The first host leads nowhere and the second one to the server, and no connection is left."""
        self.lead(first="nowhere", second=self.kind.name)
        until(f"the node takes nobody to {self.host}", self._leads_nowhere, 30)
        self.cut()

    def _leads_nowhere(self) -> bool:
        return not node.routes(f"{self.kubectl.namespace}/{self.kind.name}", _PORT)

    def start(self) -> None:
        self.kubectl.apply(_pod(self.kind))

    def stop(self) -> None:
        self.kubectl.delete("pod", self.kind.name, "--grace-period=0", "--force")

    def add(self, user: str) -> None:
        self._change(self.kind.add(user))

    def remove(self, *users: str) -> None:
        """The server answers as before."""
        self._change("\n".join(map(self.kind.remove, users)))

    def freeze(self) -> None:
        node.pause(self._container_id())

    def thaw(self) -> None:
        node.resume(self._container_id())

    def set_password(self, secret: str) -> None:
        """Of Dovecot, which has to log in anew."""
        self._change(self.kind.password(secret))
        self.cut()

    def hide(self) -> None:
        """The table or the base is away."""
        self._change(self.kind.hide)

    def show(self) -> None:
        self._change(self.kind.show)

    def certify(self, name: str) -> None:
        """Shows another certificate, one of `prepare`: "tls" is the good one."""
        copy = 'for end in crt key; do cat "/etc/source/$1.$end" > "$2/tls.$end"; done'
        self._execute("sh", "-euc", copy, "sh", name, self.kind.folder)
        if self.kind.reread:
            self._change(self.kind.reread)
        self.cut()

    def limit(self, connections: int) -> None:
        """How many connections Dovecot may have; -1 is any number."""
        assert self.kind.limit
        self._change(self.kind.limit(connections))
        self.cut()

    def cut(self) -> None:
        """Ends each connection; the server answers new ones."""
        if self.kind.cut:
            self._change(self.kind.cut)
        else:
            self._execute("sh", "-euc", "kill $(cat /run/slapd/slapd.pid)")

    def _change(self, text: str) -> None:
        """Once the server answers: slapd starts again at each `cut`."""

        def changed() -> bool:
            self._execute(*self.kind.program, stdin=text)
            return True

        until(f"{self.kind.name} takes a change", changed, 30)

    def _execute(self, *command: str, stdin: str = "") -> None:
        self.kubectl.execute(self.kind.name, "source", *command, stdin=stdin)

    def _container_id(self) -> str:
        (status,) = self.kubectl.must_get("pod", self.kind.name)["status"]["containerStatuses"]
        found: str = status["containerID"]
        return found


def credentials(authority: Authority, password: str = SECRET) -> list[Object]:
    """The Secrets that a MailStack names."""
    return [_secret("source-password", {"password": password}), _secret("source-ca", {"ca.crt": authority.pem})]


def shows_password(text: str) -> bool:
    """Whether SECRET or RENEWED is in it, however it is quoted."""
    return bool(_SHOWN.search(text))


def _secret(name: str, data: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def _pem(certificate: Certificate) -> tuple[tuple[str, str], ...]:
    return ("crt", certificate.chain), ("key", certificate.key)


def _service(name: str, kind: Kind, pod: str) -> Object:
    spec = {"selector": {"source": pod}, "ports": [{"name": _PORT, "port": kind.port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


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
