"""The helper that hands Dovecot the password and CA of an external source of users."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack_probe import password
from mailstack_probe.contract import CredentialsOptions
from mailstack_probe.credentials import Password

PASSWORDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)
NASTY = """it's "a \\ secret  #x host=y %{user} $HOME ;"""


def unquoted(text: str) -> str:
    """What Dovecot 2.3 and MariaDB make of a value in double quotes."""
    assert (text[0], text[-1]) == ('"', '"')
    return re.sub(r"\\(.)", r"\1", text[1:-1])


@given(PASSWORDS)
def test_dovecot_24_reads_what_was_written(text: str) -> None:
    assert password.plain(text).replace("%%{", "%{") == text
    assert "%{" not in password.plain(text).replace("%%{", "")


@pytest.mark.parametrize(
    ("text", "written"), [("100%", "100%"), ("a%%b", "a%%b"), ("%u", "%u"), ("%{user}", "%%{user}"), ("%%{", "%%%{")]
)
def test_dovecot_24_reads_a_percent_sign_alone_as_itself(text: str, written: str) -> None:
    """Fault: 100%% was sent for 100%, and the database refused Dovecot."""
    assert password.plain(text) == written


@given(PASSWORDS)
def test_libpq_reads_what_was_written_after_dovecot_split_it_at_spaces(text: str) -> None:
    line = password.pgsql(text, "host=db user=dovecot")
    value = unquoted(line.removeprefix("connect = ").removesuffix("\n"))
    parts = [part for part in value.split(" ") if part]
    assert [part for part in parts if part.startswith("host=")] == ["host=db"]
    found = re.search(r"password='((?:\\.|[^'\\])*)'$", " ".join(parts), re.DOTALL)
    assert found
    assert re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL) == text


@given(PASSWORDS)
def test_the_other_forms_quote_it(text: str) -> None:
    assert unquoted(password.ldap(text).removeprefix("dnpass = ").removesuffix("\n")) == text
    head, line, *options = password.mysql(text, "/ca.crt").splitlines()
    assert (head, unquoted(line.removeprefix("password="))) == ("[client]", text)
    assert options == ["ssl-ca=/ca.crt", "ssl-verify-server-cert=1", "ssl-enforce=1"]


@given(PASSWORDS)
def test_an_url_holds_it_as_one_part(text: str) -> None:
    connect = "https://mail%40x@login.example.org:8443/introspect"
    for made in (password.url(text, connect), password.setting(text, connect).removeprefix("introspection_url = ")):
        parts = urlsplit(made.removesuffix("\n"))
        assert (parts.username, unquote(parts.password or "")) == ("mail%40x", text)
        assert (parts.hostname, parts.port, parts.path) == ("login.example.org", 8443, "/introspect")


def test_without_a_password_only_the_ca_is_copied() -> None:
    assert CredentialsOptions().conflict() is None
    assert CredentialsOptions(password="x").conflict() == "--password needs --target"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"secret\n", "ends with a newline"),
        (b"secret\r\n", "ends with a newline"),
        (b"sec\nret", "control character"),
        (b"\xff", "not UTF-8"),
        (b"x" * 1001, "longer than 1000 bytes"),
    ],
)
def test_what_is_no_password_is_told_and_the_last_good_one_stays(tmp_path: Path, content: bytes, words: str) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    keeper = Password(source, target, password.plain)
    source.write_bytes(content)
    assert words in (first := str(keeper.look()))
    assert first.endswith("Dovecot waits for a good one")
    source.write_bytes(b"good")
    assert str(keeper.look()).endswith(f"in use as {target}")
    source.write_bytes(content)
    assert str(keeper.look()).endswith("the last good one stays in use")
    assert target.read_bytes() == b"good"
    assert keeper.look() is None


def test_no_message_holds_the_password(tmp_path: Path) -> None:
    source = tmp_path / "source"
    keeper = Password(source, tmp_path / "target", password.ldap)
    for content in (NASTY, f"{NASTY}\n"):
        source.write_text(content)
        assert NASTY[:9] not in str(keeper.look())


def test_a_password_that_is_not_there_is_told(tmp_path: Path) -> None:
    keeper = Password(tmp_path / "source", tmp_path / "target", password.plain)
    assert "No such file" in str(keeper.look())
