"""What Dovecot asks an external source of users: the guard, and the versions' own traps."""

import pytest

from mailstack_operator.kube.objects import Json
from mailstack_operator.stack import topology
from mailstack_operator.stack.dovecot import component
from tests.stacks import stack

SERVER: dict[str, Json] = {"password": {"secretName": "a"}, "tls": {"caSecretName": "b"}}
SQL: dict[str, Json] = {**SERVER, "hosts": ["db1", "db2"], "database": "mail", "user": "dovecot"}


def files(version: str, driver: str) -> dict[str, str]:
    changes: dict[str, Json] = {"spec.users": {"sql": {**SQL, "driver": driver}}, "spec.dovecot.version": version}
    return {name: text() for name, text in component.files(topology.decide(stack(changes))).items()}


def test_mysql_of_23_fails_for_an_address_that_was_escaped_to_nothing() -> None:
    """Fault: while Dovecot 2.3 connects to MySQL, it asks for the empty address, and refused the user for good."""
    asked = files("2.3", "MySQL")["users.conf.ext"]
    assert "NULL AS tempfail FROM (" in asked
    assert " UNION ALL SELECT NULL, 'yes' FROM DUAL WHERE '%u' = ''\n" in asked


@pytest.mark.parametrize(("version", "driver"), [("2.3", "PostgreSQL"), ("2.4", "PostgreSQL"), ("2.4", "MySQL")])
def test_no_other_source_needs_that(version: str, driver: str) -> None:
    assert "UNION ALL" not in "".join(files(version, driver).values())


@pytest.mark.parametrize("driver", ["PostgreSQL", "MySQL"])
def test_no_answer_is_a_refusal_but_behind_the_canary(driver: str) -> None:
    """An address is unknown only if the userdb before the last two finds the canary by the same query."""
    conf = files("2.4", driver)["dovecot.conf"]
    (present,) = (line for line in conf.splitlines() if "source_present" in line)
    assert "address = 'postmaster@example.org'" in present
    assert conf.count("result_success = return-fail") == conf.count("result_internalfail = return-fail") == 1
    order = [conf.index(f"userdb {name} {{") for name in ("sql", "roles", "answers", "present", "lists", "nobody")]
    assert order == sorted(order)
