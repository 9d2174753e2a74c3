"""Users from a table of PostgreSQL or MySQL (MariaDB), which Dovecot asks.

Sources: Dovecot's "SQL authentication" in the documentation of 2.3 and 2.4, libpq's and MariaDB's options.
"""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from mailstack_operator.api.model import each_once
from mailstack_operator.api.strings import DatabaseName, ListQuery, ServerName, UserQuery
from mailstack_operator.stack.syntax import DovecotPart, Setting
from mailstack_operator.stack.users import external, sql_settings
from mailstack_operator.stack.users.external import ExternalSource
from mailstack_operator.stack.users.source import Spec
from mailstack_operator.stack.users.sql_settings import Database

_PORTS = {"PostgreSQL": 5432, "MySQL": 3306}


class Sql(ExternalSource):
    """A database that Dovecot asks about each user."""

    tag: ClassVar[str] = "sql"
    description: ClassVar[str] = (
        "A database of PostgreSQL or MySQL (MariaDB) that Dovecot asks about each user, over TLS. "
        "A change of a row is in use at once."
    )

    driver: Literal["PostgreSQL", "MySQL"] = Field(description="Kind of the database; MySQL is MariaDB as well.")
    hosts: Annotated[list[ServerName], AfterValidator(each_once)] = Field(
        min_length=1,
        max_length=8,
        description="Hosts of the database, by the names in their certificates. Another is asked if one is away.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    port: int | None = Field(
        None, ge=1, le=65535, description="Port of the database; by default 5432 for PostgreSQL and 3306 for MySQL."
    )
    database: DatabaseName = Field(description="Name of the database.")
    user: DatabaseName = Field(description="User of the database. It needs the right to read, and no other.")
    password_query: UserQuery = Field(
        "SELECT address AS user, password FROM users WHERE address = '%{user}' AND active",
        description="One row for a user who logs in, with the columns user (the address as it is stored) and password "
        "(with its scheme, such as {ARGON2ID}). '%{user}' is the address in small letters.",
    )
    user_query: UserQuery = Field(
        "SELECT address AS user, quota_bytes FROM users WHERE address = '%{user}' AND active",
        description="One row for a user whom mail reaches, with the column user and, for a quota of each user, "
        "quota_bytes (0: no limit; NULL or negative: spec.plugins.quota.size).",
    )
    list_query: ListQuery = Field(
        "SELECT address AS user FROM users WHERE active", description="The column user of all whom mail reaches."
    )

    def files_23(self, spec: Spec, *, tokens: bool) -> dict[str, str]:
        return sql_settings.files_23(self.asked(spec), tokens=tokens)

    def form(self, spec: Spec) -> tuple[str, str]:
        if spec.dovecot.version == "2.4":
            return "plain", ""
        if self.is_postgresql:
            return "pgsql", sql_settings.connect_pgsql(self.asked(spec))
        return "mysql", external.CA_FILE

    def backs_off(self, spec: Spec) -> bool:
        """With MySQL, 2.4's worker dies of each connection that fails, and the next one begins anew. At a reload the
        auth process itself would connect, and die, and with it all logins."""
        return self.is_postgresql or spec.dovecot.version != "2.4"

    def settings_23(self, spec: Spec) -> Iterator[DovecotPart]:
        yield from external.SETTINGS
        yield from sql_settings.users_23()

    def settings_24(self, spec: Spec) -> Iterator[DovecotPart]:
        yield from external.SETTINGS
        yield Setting("sql_driver", "pgsql" if self.is_postgresql else "mysql")
        yield from sql_settings.hosts_24(self.asked(spec))
        yield from sql_settings.users_24(self.asked(spec))

    def known_24(self, spec: Spec) -> Iterator[DovecotPart]:
        return sql_settings.known_24(self.asked(spec))

    def guard_23(self, spec: Spec) -> Iterator[DovecotPart]:
        return external.guard_23(sql_settings.present_23())

    def guard_24(self, spec: Spec) -> Iterator[DovecotPart]:
        return external.guard_24(sql_settings.present_24(self.asked(spec)))

    @property
    def server_ports(self) -> tuple[int, ...]:
        return (self.port or _PORTS[self.driver],)

    @property
    def is_postgresql(self) -> bool:
        return self.driver == "PostgreSQL"

    def asked(self, spec: Spec) -> Database:
        """What Dovecot asks, and where."""
        return Database(
            postgresql=self.is_postgresql,
            hosts=tuple(self.hosts),
            port=self.port or _PORTS[self.driver],
            name=self.database,
            user=self.user,
            passwords=self.password_query,
            users=self.user_query,
            everybody=self.list_query,
            canary=external.canary(self, spec),
            has_quota=spec.plugins.quota is not None and "quota_bytes" in self.user_query.lower(),
        )
