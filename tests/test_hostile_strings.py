"""No string changes the meaning of another line: hostile input for everything that reaches a file."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import syntax, topology
from mailstack_operator.stack.dovecot import component, dovecot_conf
from mailstack_operator.stack.parser import InvalidMailStack, parse
from mailstack_operator.stack.postfix import main_cf, parameters
from tests.stacks import body

HOSTILE = (
    st.text(alphabet=st.sampled_from("ab.-@_/ \t\n\r\x00\x0b\x1c\u2028{}\"'$#;=\\<%é[]:,"), max_size=40) | st.text()
)
FIELDS = st.sampled_from(
    [
        "spec.hostname",
        "spec.postmasterAddress",
        "spec.users.passwdFile.secretName",
        "spec.users.passwdFile.key",
        "spec.delivery.listener.unix.name",
        "spec.verification.pollDelay",
        "spec.postfix.image",
        "spec.dovecot.image",
    ]
)
ORDINARY = (main_cf.render(topology.decide(parse(body()))), dovecot_conf.render(topology.decide(parse(body()))))


def line_names(text: str) -> list[str]:
    """What the file sets, in order, without the values."""
    return [re.split(r"[ ={]", line.strip())[0] for line in text.splitlines()]


def files(stack: Object) -> tuple[str, str] | None:
    try:
        plan = topology.decide(parse(stack))
    except InvalidMailStack:
        return None
    return main_cf.render(plan), dovecot_conf.render(plan)


@given(field=FIELDS, value=HOSTILE)
def test_a_string_is_refused_or_changes_no_other_line(field: str, value: str) -> None:
    rendered = files(body({field: value}))
    if rendered is not None:
        assert [line_names(text) for text in rendered] == [line_names(text) for text in ORDINARY]


SERVER: dict[str, Json] = {"password": {"secretName": "a"}, "tls": {"caSecretName": "b"}}
SQL: dict[str, Json] = {**SERVER, "driver": "PostgreSQL", "hosts": ["db"], "database": "mail", "user": "dovecot"}
LDAP: dict[str, Json] = {**SERVER, "uris": ["ldaps://ldap"], "bindDn": "cn=a", "base": "dc=a"}
ASKED = (
    *(("sql", SQL, name) for name in ("database", "user", "passwordQuery", "userQuery", "listQuery", "canary")),
    *(("ldap", LDAP, name) for name in ("bindDn", "base", "filter", "addressAttribute", "quotaAttribute")),
)
QUERIES = st.lists(
    st.sampled_from(
        ["SELECT ", "a AS user", ", password", " FROM t", " WHERE a = ", "'%{user}'", "(b=c)", *"'%{}\"#$;\\<\n-"]
    )
).map("".join)


@pytest.mark.parametrize("version", ["2.3", "2.4"])
@pytest.mark.parametrize(("tag", "fields", "name"), ASKED)
@given(value=HOSTILE | QUERIES)
def test_what_a_source_is_asked_is_refused_or_changes_no_other_line(
    version: str, tag: str, fields: dict[str, Json], name: str, value: str
) -> None:
    changes: dict[str, Json] = {"spec.dovecot.version": version}
    files = dovecot_files(body({**changes, "spec.users": {tag: {**fields, name: value}}}))
    if files is not None:
        assert files == dovecot_files(body({**changes, "spec.users": {tag: fields}}))


def dovecot_files(stack: Object) -> dict[str, list[str]] | None:
    try:
        plan = topology.decide(parse(stack))
    except InvalidMailStack:
        return None
    return {name: line_names(text()) for name, text in component.files(plan).items() if name != "roles"}


@given(domains=st.lists(HOSTILE, max_size=3))
def test_domains_are_refused_or_change_no_other_line(domains: list[str]) -> None:
    rendered = files(body({"spec.domains": list(domains)}))
    if rendered is not None:
        assert line_names(rendered[0]) == line_names(ORDINARY[0])


@given(name=HOSTILE | st.from_regex(parameters.NAME_PATTERN, fullmatch=True), value=HOSTILE)
def test_a_parameter_is_refused_or_is_one_line_more(name: str, value: str) -> None:
    rendered = files(body({"spec.postfix.parameters": {name: value}}))
    if rendered is not None:
        assert line_names(rendered[0]) == [*line_names(ORDINARY[0]), name]


@given(name=HOSTILE, value=HOSTILE)
def test_the_writer_of_main_cf_lets_no_second_line_through(name: str, value: str) -> None:
    try:
        text = syntax.main_cf({name: value})
    except ValueError:
        return
    assert text.splitlines() == [f"{name} = {value}".rstrip()]


@given(value=HOSTILE)
def test_the_writer_of_dovecot_conf_lets_no_second_meaning_through(value: str) -> None:
    try:
        text = syntax.dovecot_conf([syntax.block("service lmtp", setting=value)])
    except ValueError:
        return
    line = f"setting = {value}" if value else "setting ="
    assert text == f"service lmtp {{\n  {line}\n}}\n"
    assert not set(value) & set("\n\r\x00${}\"'#<\\")


@given(st.dictionaries(st.text(max_size=5), st.text() | st.integers() | st.none() | st.lists(st.text())))
def test_any_object_is_answered(spec: dict[str, object]) -> None:
    """A mistake never becomes another exception."""
    with pytest.raises(InvalidMailStack, match="spec"):
        parse({**body(), "spec": spec})
