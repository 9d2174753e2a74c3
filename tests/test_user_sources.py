"""What Dovecot asks an external source of users: the guard, and the versions' own traps."""

import pytest

from mailstack_operator.kube.objects import Json, entries
from mailstack_operator.stack import topology
from mailstack_operator.stack.dovecot import component
from mailstack_operator.stack.parser import InvalidMailStack
from mailstack_operator.stack.users.external import CA_FILE
from mailstack_operator.stack.users.sql import Sql
from tests.stacks import stack

SERVER: dict[str, Json] = {"password": {"secretName": "a"}, "tls": {"caSecretName": "b"}}
SQL: dict[str, Json] = {**SERVER, "hosts": ["db1", "db2"], "database": "mail", "user": "dovecot"}


def files(version: str, driver: str, more: dict[str, Json] | None = None) -> dict[str, str]:
    users: dict[str, Json] = {"spec.users": {"sql": {**SQL, "driver": driver}}, "spec.dovecot.version": version}
    changes = {**users, **(more or {})}
    return {name: text() for name, text in component.files(topology.decide(stack(changes))).items()}


@pytest.mark.parametrize("driver", ["PostgreSQL", "MySQL"])
def test_23_fails_for_an_address_that_was_escaped_to_nothing(driver: str) -> None:
    """Fault: without a connection Dovecot 2.3 asks for the empty address a moment later, and refused good users for
    good when their source came back."""
    asked = files("2.3", driver)["users.conf.ext"]
    assert "NULL AS tempfail FROM (" in asked
    assert " UNION ALL SELECT NULL, 'yes' FROM (SELECT 1 AS n) f WHERE '%u' = ''\n" in asked
    assert "q.password AS password FROM (SELECT 1 AS n UNION ALL SELECT 2) f LEFT JOIN (" in asked
    assert "ON f.n = 1 WHERE q.user IS NOT NULL OR '%u' = ''\n" in asked


def test_23_verifies_mysql_at_each_connection() -> None:
    """Fault: after one that had failed Dovecot 2.3 connected in clear, to whatever server answered."""
    spec = stack({"spec.users": {"sql": {**SQL, "driver": "MySQL"}}, "spec.dovecot.version": "2.3"}).spec
    assert isinstance(spec.users.source, Sql)
    assert spec.users.source.form(spec) == ("mysql", CA_FILE)


@pytest.mark.parametrize(
    ("version", "driver", "reloaded"),
    [("2.4", "PostgreSQL", True), ("2.3", "PostgreSQL", True), ("2.4", "MySQL", False), ("2.3", "MySQL", True)],
)
def test_dovecot_is_reloaded_where_it_backs_off_from_its_source(version: str, driver: str, reloaded: bool) -> None:
    """Fault: at a reload the auth process of 2.4 dies of a MySQL that it cannot use, and nobody could log in."""
    users: Json = {"sql": {**SQL, "driver": driver}}
    changes: dict[str, Json] = {"spec.users": users, "spec.dovecot.version": version}
    main = component.build(topology.decide(stack(changes))).main or {}
    assert ("SOURCE_ANSWERS" in {entry["name"] for entry in entries(main, "env")}) == reloaded


@pytest.mark.parametrize("driver", ["PostgreSQL", "MySQL"])
def test_24_asks_as_the_spec_says(driver: str) -> None:
    assert "UNION ALL SELECT NULL" not in "".join(files("2.4", driver).values())


@pytest.mark.parametrize(
    ("version", "name", "setting"),
    [
        ("2.4", "dovecot.conf", "  default_password_scheme = CRYPT"),
        ("2.3", "users.conf.ext", "default_pass_scheme = CRYPT"),
    ],
)
def test_a_password_without_a_scheme_is_a_hash(version: str, name: str, setting: str) -> None:
    """Fault: 2.4 let in whoever sent the hash of the table as the password, and nobody with the password."""
    assert f"{setting}\n" in files(version, "PostgreSQL")[name]


@pytest.mark.parametrize(("version", "name"), [("2.4", "dovecot.conf"), ("2.3", "users.conf.ext")])
def test_a_login_has_no_other_columns(version: str, name: str) -> None:
    """Fault: userdb_home of an old query, and a mailbox in a folder that nobody can write to."""
    (asked,) = (line.strip() for line in files(version, "MySQL")[name].splitlines() if "password FROM users" in line)
    assert asked.partition("query = ")[2].startswith("SELECT q.user AS user, q.password AS password FROM (")


@pytest.mark.parametrize(
    ("version", "driver", "column"),
    [
        ("2.4", "PostgreSQL", "THEN SPLIT_PART(CAST(q.quota_bytes AS text), '.', 1) END || 'B' AS quota_storage_size"),
        ("2.3", "MySQL", "THEN SUBSTRING_INDEX(q.quota_bytes, '.', 1) END) AS quota_rule"),
    ],
)
def test_a_quota_that_is_no_whole_number_harms_nobody(version: str, driver: str, column: str) -> None:
    """Fault: -1, or a product with a fraction, answered 451 to all mail for that user, and broke the login."""
    stated: dict[str, Json] = {"spec.plugins.quota": {"size": "1Gi"}}
    asked = "".join(files(version, driver, stated).values())
    assert f"BETWEEN '0' AND '9' {column}" in asked


def test_24_takes_the_hashes_that_23_takes() -> None:
    """Fault: `Weak password scheme 'MD5-CRYPT' used and refused`, and a temporary failure at each login."""
    assert "auth_allow_weak_schemes = yes\n" in files("2.4", "MySQL")["dovecot.conf"]


@pytest.mark.parametrize("version", ["2.3", "2.4"])
@pytest.mark.parametrize("driver", ["PostgreSQL", "MySQL"])
def test_the_list_of_users_has_pages(version: str, driver: str) -> None:
    """Fault: Dovecot's auth process dies of a long list. Without a page it is the whole list, for doveadm."""
    asked = "".join(files(version, driver).values())
    assert "WHERE NOT LEFT('%{session}', 16) = 'mailstack-after:') UNION ALL (" in asked
    assert "q.user > SUBSTRING('%{session}' FROM 17) ORDER BY q.user LIMIT 40)\n" in asked


@pytest.mark.parametrize("driver", ["PostgreSQL", "MySQL"])
def test_no_answer_is_a_refusal_but_behind_the_canary(driver: str) -> None:
    """An address is unknown only if the userdb before the last two finds the canary by the same query."""
    conf = files("2.4", driver)["dovecot.conf"]
    (present,) = (line for line in conf.splitlines() if "source_present" in line)
    assert "address = 'postmaster@example.org'" in present
    assert conf.count("result_success = return-fail") == conf.count("result_internalfail = return-fail") == 1
    order = [conf.index(f"userdb {name} {{") for name in ("sql", "roles", "answers", "present", "lists", "nobody")]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("delimiter", "canary"), [("+", "a-b@example.org"), ("-", "a@example.org"), ("_", "a-b+c@example.org")]
)
def test_the_canary_is_asked_for_as_dovecot_looks_it_up(delimiter: str, canary: str) -> None:
    source: Json = {"sql": {**SQL, "driver": "MySQL", "canary": "a-b+c@example.org"}}
    spec = stack({"spec.users": source, "spec.addressExtensions": {"delimiter": delimiter}}).spec
    assert spec.users.source.canaries(spec).address == canary


LDAP: dict[str, Json] = {
    **SERVER,
    "uris": ["ldaps://dc1:3269"],
    "bindDn": "cn=dovecot,o=Example Inc.",
    "base": r"ou=B\c3\bcro \231,o=Example Inc.",
    "filter": r"(&(objectClass=user)(!(cn=Doe\2c J*))(memberOf:1.2.840.113556.1.4.1941:=CN=\c3\84rzte,DC=org))",
}


@pytest.mark.parametrize(("version", "name"), [("2.4", "dovecot.conf"), ("2.3", "users.conf.ext")])
def test_a_directory_is_listed_without_entries_that_have_no_address(version: str, name: str) -> None:
    """Fault: one such entry, and `kubectl mailstack users` and the check of all users failed with Dovecot 2.4."""
    changes: dict[str, Json] = {"spec.users": {"ldap": LDAP}, "spec.dovecot.version": version}
    text = component.files(topology.decide(stack(changes)))[name]()
    assert f"iterate_filter = (&{LDAP['filter']}(mail=*))\n" in text
    assert f"base = {LDAP['base']}\n" in text


@pytest.mark.parametrize(
    "filter_",
    [
        "(cn=a)",
        "(mail=*)",
        "(&(a=b)(|(c=*)(!(d>=1)))(e:dn:2.4.6:=f g))",
        "(& (a=b) (c~=d))",
        "(|(cn=x)(&))",
        "(!(userAccountControl:1.2.840.113556.1.4.803:=2))",
    ],
)
def test_a_filter_is_taken(filter_: str) -> None:
    assert stack({"spec.users": {"ldap": {**LDAP, "filter": filter_}}}).spec.users.source.tag == "ldap"


@pytest.mark.parametrize("filter_", ["(mail)", "(&(a=b)c=d)", "(!(a=b)(c=d))", "(!a=b)", "((a=b))", "(a=b)(c=d)"])
def test_what_is_no_filter_is_refused(filter_: str) -> None:
    with pytest.raises(InvalidMailStack, match=r"spec\.users\.ldap\.filter: .*write one filter"):
        stack({"spec.users": {"ldap": {**LDAP, "filter": filter_}}})


DIRECTORY: dict[str, Json] = {**SERVER, "uris": ["ldaps://dc"], "bindDn": "cn=a", "base": "dc=a"}


@pytest.mark.parametrize(("version", "keepalive"), [("2.3", ["30", "10", "3"]), ("2.4", [None] * 3)])
def test_a_directory_that_is_gone_amid_tls_is_given_up(version: str, keepalive: list[str | None]) -> None:
    """Fault: the LDAP library of 2.3 waited for it in a busy loop, until somebody deleted the pod."""
    dovecot = component.build(
        topology.decide(stack({"spec.users": {"ldap": DIRECTORY}, "spec.dovecot.version": version}))
    )
    names = [f"net.ipv4.tcp_keepalive_{name}" for name in ("time", "intvl", "probes")]
    assert [dovecot.sysctls.get(name) for name in names] == keepalive


def every_file(version: str, users: dict[str, Json]) -> str:
    changes: dict[str, Json] = {
        "spec.users": users,
        "spec.dovecot.version": version,
        "spec.plugins": {"quota": {"size": "1Gi"}},
    }
    return "\n".join(text() for text in component.files(topology.decide(stack(changes))).values())


EVERY: list[dict[str, Json]] = [
    {"sql": {**SQL, "driver": "PostgreSQL"}},
    {"sql": {**SQL, "driver": "MySQL"}},
    {"ldap": {**DIRECTORY, "quotaAttribute": "bytes", "aliases": {"attribute": "alias"}}},
    {"passwdFile": {"secretName": "users"}},
]


@pytest.mark.parametrize("version", ["2.3", "2.4"])
@pytest.mark.parametrize("users", EVERY, ids=["postgresql", "mysql", "ldap", "passwd-file"])
def test_every_name_is_looked_for_and_no_answer_is_kept(version: str, users: dict[str, Json]) -> None:
    """Fault: Dovecot's own list of characters refuses o'brien@; its cache refuses a new user for an hour."""
    asked = every_file(version, users)
    assert "auth_username_chars =\n" in asked
    assert "auth_cache" not in asked


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_a_directory_refuses_nobody_but_behind_the_canary(version: str) -> None:
    """Fault: a wrong base, or an access rule that hides the entries, looks like unknown recipients. The canary is
    looked for by the same filter, before the userdb that fails for everybody."""
    asked = every_file(version, EVERY[2])
    found = "(&(objectClass=inetOrgPerson)(|(mail={0})(alias={0})))"
    assert asked.count(found.format("postmaster@example.org")) == 1
    assert asked.count("result_success = return-fail\n") == asked.count("result_internalfail = return-fail\n") == 1
    assert asked.index("result_success = return-fail\n") < asked.index("tempfail")
    # An alias is an attribute of the user's own entry, and goes with it.
    assert found.format("%u" if version == "2.3" else "%{user}") in asked


def test_24_verifies_a_directory_and_has_a_quota_for_a_user_without_one() -> None:
    """Faults: 2.4.1 does not hand its CA to the LDAP library; an attribute that an entry lacks is an error."""
    asked = every_file("2.4", EVERY[2])
    assert "LDAPTLS_CACERT = /run/mailstack/source/ca.pem\n" in asked
    assert "quota_storage_size = %{ldap:bytes | default('1073741824')}B\n" in asked


def test_each_userdb_of_a_database_has_a_list_of_its_own() -> None:
    """Fault: without one a userdb lists by Dovecot's default query, which fails for the whole list."""
    new, old = every_file("2.4", EVERY[0]), every_file("2.3", EVERY[0])
    assert new.count("iterate_query = ") == new.count("userdb_sql_query = ") + 1 == 3
    assert old.count("iterate_query = ") == old.count("user_query = ") == 3


@pytest.mark.parametrize("uri", ["ldap://dc", "ldapi://dc", "LDAP://dc:636"])
def test_a_directory_without_tls_from_the_start_is_refused(uri: str) -> None:
    """Fault: with StartTLS an outage is answered after minutes."""
    with pytest.raises(InvalidMailStack, match="must be a URI such as ldaps://"):
        stack({"spec.users": {"ldap": {**DIRECTORY, "uris": [uri]}}})


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_no_file_of_passwords_has_rights_that_libpq_refuses(version: str) -> None:
    """Fault: libpq reads no passfile that others may read, and a mounted Secret is either that or root's."""
    assert "passfile" not in every_file(version, EVERY[0])


@pytest.mark.parametrize(
    ("base", "written"),
    [("ou=Büro #1,dc=org", r"ou=B\c3\bcro \231,dc=org"), (r"cn=Doe\, J.,dc=org", r"cn=Doe\2c J.,dc=org")],
)
def test_it_is_told_how_to_write_a_base(base: str, written: str) -> None:
    with pytest.raises(InvalidMailStack) as refusal:
        stack({"spec.users": {"ldap": {**LDAP, "base": base}}})
    assert f"write {written}, " in str(refusal.value)
