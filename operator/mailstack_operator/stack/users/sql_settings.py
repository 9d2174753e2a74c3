"""The settings of Dovecot for users in a database, for 2.4 and 2.3. Queries are written with the variables of 2.4."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from mailstack_operator.stack import syntax
from mailstack_operator.stack.syntax import DovecotPart, FileSetting, Include, Query, Setting, block
from mailstack_operator.stack.users.external import CA_FILE, OUTAGE, PASSWORD_FILE, UNKNOWN, path_23
from mailstack_probe.contract import PAGE, PAGE_AFTER, SOURCE_LISTS

# Seconds. A frozen PostgreSQL is given up after two tries of Dovecot's own 60 s.
_CONNECT = 5
_READ = 10
_STATEMENT_MILLISECONDS = 5000

# Of a password without a scheme, in both versions: else 2.4 would take a hash for a password in clear, and let in
# whoever has the hash, and 2.3 would take it for MD5.
_SCHEME = "CRYPT"

_VARIABLES_23 = {"%{user}": "%u", "%{user | username}": "%n", "%{user | domain}": "%d"}
_ADDRESS = "%{user}"
_LOGIN = "q.user AS user, q.password AS password"
# Dovecot 2.3 escapes to nothing, and logs an error, while it has no connection, which it may have a moment later: it
# would ask for nobody, and refuse for good whoever was asked for.
_ESCAPED_TO_NOTHING = f"'{_ADDRESS}' = ''"


@dataclass(frozen=True)
class Database:
    """`passwords`, `users` and `everybody` are the queries of the spec, `canary` a user who always exists."""

    postgresql: bool
    hosts: tuple[str, ...]
    port: int
    name: str
    user: str
    passwords: str
    users: str
    everybody: str
    canary: str
    has_quota: bool


def hosts_24(database: Database) -> Iterator[DovecotPart]:
    """A block for each host."""
    if not database.postgresql:
        yield Setting("ssl_client_ca_file", CA_FILE)
    for host in database.hosts:
        yield _pgsql_24(host, database) if database.postgresql else _mysql_24(host, database)


def _pgsql_24(host: str, database: Database) -> DovecotPart:
    parameters = block(
        "parameters",
        FileSetting("password", PASSWORD_FILE),
        user=database.user,
        dbname=database.name,
        port=str(database.port),
        sslmode="verify-full",
        sslrootcert=CA_FILE,
        connect_timeout=str(_CONNECT),
        options=f"-c statement_timeout={_STATEMENT_MILLISECONDS}",
    )
    return block(f"pgsql {host}", parameters)


def _mysql_24(host: str, database: Database) -> DovecotPart:
    return block(
        f"mysql {host}",
        FileSetting("password", PASSWORD_FILE),
        user=database.user,
        dbname=database.name,
        port=str(database.port),
        ssl="yes",
        connect_timeout=f"{_CONNECT}s",
        read_timeout=f"{_READ}s",
    )


def users_24(database: Database) -> Iterator[DovecotPart]:
    yield block("passdb sql", Query("query", _passwords(database)), default_password_scheme=_SCHEME)
    users = (Query("query", _users(database, "2.4")), Query("iterate_query", _everybody(database)))
    yield block("userdb sql", *users, **OUTAGE)


def known_24(database: Database) -> Iterator[DovecotPart]:
    yield Setting("driver", "sql")
    # 2.4.1's auth process dies of a lookup for a token that fails at once, as with PostgreSQL while it is away.
    yield Setting("use_worker", "yes")
    yield Query("passdb_sql_query", _known(database))


def present_24(database: Database) -> Iterator[DovecotPart]:
    """Whether the source knows the canary; and, for the probe, whether it lists anybody."""
    nobody = Query("userdb_sql_iterate_query", _nobody(database))
    asked = partial(block, driver="sql")
    yield asked("userdb present", Query("userdb_sql_query", _present(database)), nobody, **UNKNOWN)
    yield asked("userdb lists", Query("userdb_sql_query", _lists(database)), nobody)


def users_23() -> Iterator[DovecotPart]:
    yield block("passdb", driver="sql", args=path_23("users"))
    yield block("userdb", driver="sql", args=path_23("users"), **OUTAGE)


def present_23() -> Iterator[DovecotPart]:
    yield block("userdb", driver="sql", args=path_23("present"), **UNKNOWN)
    yield block("userdb", driver="sql", args=path_23("lists"))


def files_23(database: Database, *, tokens: bool = False) -> dict[str, str]:
    """The files of the userdbs; with `tokens` that of who may log in with one, too."""
    users, nobody = _users(database, "2.3"), _nobody(database)
    passwords = _passwords_23(_LOGIN, database.passwords)
    known = _passwords_23(f"{_LOGIN}, q.nopassword AS nopassword", _known(database))
    asked = {
        "users": (passwords, users, _everybody(database)),
        "present": (passwords, _present(database), nobody),
        "lists": (passwords, _lists(database), nobody),
        **({"known": (known, users, nobody)} if tokens else {}),
    }
    return {f"{name}.conf.ext": _file_23(database, *queries) for name, queries in asked.items()}


def connect_pgsql(database: Database) -> str:
    """The connection string of 2.3, without the password.

    libpq looks for a host that answers: Dovecot before 2.3.21 would begin with the first one for ever, because its auth
    process dies of a connection that fails.
    """
    return (
        f"host={','.join(database.hosts)} port={database.port} dbname={database.name} user={database.user} "
        f"sslmode=verify-full sslrootcert={CA_FILE} connect_timeout={_CONNECT} "
        f"options='-c\\ statement_timeout={_STATEMENT_MILLISECONDS}'"
    )


def _connect_mysql(database: Database) -> str:
    hosts = " ".join(f"host={host}" for host in database.hosts)
    return (
        f"{hosts} port={database.port} dbname={database.name} user={database.user} option_file={PASSWORD_FILE} "
        f"ssl_ca={CA_FILE} ssl_verify_server_cert=yes connect_timeout={_CONNECT} read_timeout={_READ}"
    )


def _file_23(database: Database, passwords: str, users: str, everybody: str) -> str:
    pgsql = database.postgresql
    return syntax.HEADER + syntax.dovecot_conf(
        [
            Setting("driver", "pgsql" if pgsql else "mysql"),
            Include(PASSWORD_FILE) if pgsql else Setting("connect", _connect_mysql(database)),
            Setting("default_pass_scheme", _SCHEME),
            Query("password_query", _in_23(passwords)),
            Query("user_query", _in_23(users)),
            Query("iterate_query", everybody),
        ]
    )


def _in_23(query: str) -> str:
    for variable, old in _VARIABLES_23.items():
        query = query.replace(variable, old)
    return query


def _users(database: Database, version: str) -> str:
    """With the user's quota in the words of the version; NULL leaves it to the default."""
    columns = ["q.user AS user", *_quota(database, version)]
    if version == "2.4":
        return _select(", ".join(columns), database.users)
    nothing = ", ".join([*(["NULL"] * len(columns)), "'yes'"])
    failure = " ".join(("SELECT", nothing, f"FROM (SELECT 1 AS n) f WHERE {_ESCAPED_TO_NOTHING}"))
    return _select(", ".join((*columns, "NULL AS tempfail")), database.users, "UNION ALL", failure)


def _passwords(database: Database) -> str:
    """Two columns alone: others, such as userdb_home in the queries of other systems, would put a session's mail where
    nobody can write, and not where mail is delivered."""
    return _select(_LOGIN, database.passwords)


def _known(database: Database) -> str:
    """Who may log in, whatever the password."""
    return _select("q.user AS user, NULL AS password, 'Y' AS nopassword", database.passwords)


def _passwords_23(columns: str, query: str) -> str:
    """Two rows, which are an error, for an address that was escaped to nothing; else those of the query."""
    rows = f"(SELECT 1 AS n UNION ALL SELECT 2) f LEFT JOIN ({query}) q ON f.n = 1"
    return " ".join(("SELECT", columns, "FROM", rows, f"WHERE q.user IS NOT NULL OR {_ESCAPED_TO_NOTHING}"))


def _quota(database: Database, version: str) -> Iterator[str]:
    if not database.has_quota:
        return
    number = _whole_number("q.quota_bytes", postgresql=database.postgresql)
    parts = (number, "'B'") if version == "2.4" else ("'*:bytes='", number)
    joined = " || ".join(parts) if database.postgresql else f"CONCAT({', '.join(parts)})"
    name = "quota_storage_size" if version == "2.4" else "quota_rule"
    yield f"{joined} AS {name}"


def _whole_number(column: str, *, postgresql: bool) -> str:
    """The digits before a decimal point; NULL of what begins with no digit, such as -1. Dovecot takes whole numbers
    alone: any other would keep the user from mail and mailbox."""
    text = f"CAST({column} AS text)" if postgresql else column
    digits = f"SPLIT_PART({text}, '.', 1)" if postgresql else f"SUBSTRING_INDEX({text}, '.', 1)"
    return f"CASE WHEN LEFT({text}, 1) BETWEEN '0' AND '9' THEN {digits} END"


def _present(database: Database) -> str:
    """The query of the users, for the canary."""
    local, _, domain = database.canary.rpartition("@")
    found = database.users.replace(_ADDRESS, database.canary)
    found = found.replace("%{user | username}", local).replace("%{user | domain}", domain)
    return _select("1 AS source_present", found, "LIMIT 1")


def _lists(database: Database) -> str:
    asked = f"WHERE '{_ADDRESS}' = '{SOURCE_LISTS}' LIMIT 1"
    return _select("1 AS source_lists", database.everybody, asked)


def _everybody(database: Database) -> str:
    """The users; for the probe a page of them: Dovecot's auth process dies of many (mailstack_probe.directory)."""
    length = len(PAGE_AFTER)
    is_page = f"LEFT('%{{session}}', {length}) = '{PAGE_AFTER}'"
    after = f"q.user > SUBSTRING('%{{session}}' FROM {length + 1})"
    every = _select("q.user AS user", database.everybody, f"WHERE NOT {is_page}")
    page = _select("q.user AS user", database.everybody, f"WHERE {is_page} AND {after} ORDER BY q.user LIMIT {PAGE}")
    return f"({every}) UNION ALL ({page})"


def _nobody(database: Database) -> str:
    """Each user is listed once, by the first userdb."""
    return _select("q.user AS user", database.everybody, "WHERE 1 = 0")


def _select(columns: str, query: str, *rest: str) -> str:
    """A query of the rows `q` of another."""
    return " ".join(("SELECT", columns, f"FROM ({query}) q", *rest))
