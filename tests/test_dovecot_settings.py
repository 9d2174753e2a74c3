"""Which settings of Dovecot a MailStack may add, and that the API server and the operator agree on it."""

import re
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack_operator.api import dovecot_settings
from mailstack_operator.api.dovecot_settings import REFUSED, problem


@pytest.mark.parametrize("name", [name.replace("*", "x") for name in REFUSED])
def test_what_the_operator_sets_cannot_be_set(name: str) -> None:
    assert f"line 2: {name} cannot be set here: " in str(problem(f"# mine\n  {name} = x\n"))


@pytest.mark.parametrize(
    "config",
    [
        "userdb x {\n  driver = static\n}\n",
        "protocol lmtp {\n  userdb\tx {\n  }\n}\n",
        "userdb {\n",
        "userdb{\n",
        "passdb/x/driver = static\n",
        "passdb_driver = static\n",
        "userdb_static_fields {\n",
        '"passdb" x {\n',
        "'passdb' x {\n",
        '"pass\\db" x {\n',
        'service "lmtp" {\n',
        'service "l\\mtp" {\n',
        "service lmtp{\n",
        "service   lmtp {\n",
        "service/lmtp/user = root\n",
        'service/"lmtp"/user = root\n',
        "service \\\n lmtp {\n",
        "protocol/lmtp/lmtp_proxy = yes\n",
        "auth_username_format = alice@example.org\n",
        "auth_cache_size = 10M\n",
        "!include_try /etc/dovecot/conf.d/10-auth.conf\n",
    ],
)
def test_no_way_of_writing_it_makes_dovecot_accept_everybody(config: str) -> None:
    """The real doveconf of 2.3 or 2.4 took most of them for what they stand for."""
    assert str(problem(config)).startswith("line ")


@pytest.mark.parametrize(
    "config",
    [
        "mail_max_userip_connections = 20\n",
        "namespace inbox {\n  mailbox Junk {\n    special_use = \\Junk\n    auto = subscribe\n  }\n}\n",
        "ssl_min_protocol = TLSv1.3\n",
        "login_greeting = userdb, passdb and 'ssl' are mine\n",
        "# don't set userdb here\n#passdb x {\n",
        "service imap-login {\n  process_min_avail = 2\n}\n",
        "auth_mechanisms = plain login\n",
        "protocol sieve {\n  managesieve_max_line_length = 65536\n}\n",
        "mail_plugins {\n  acl = yes\n}\n",
        "mail_plugins = $mail_plugins acl\n",
        "",
    ],
)
def test_dovecots_other_settings_are_its_own_to_judge(config: str) -> None:
    assert problem(config) is None


def rules() -> list[tuple[bool, re.Pattern[str]]]:
    """The CEL rules: whether the pattern has to match, and the pattern."""
    schema = cast(list[dict[str, str]], dovecot_settings.schema()["x-kubernetes-validations"])
    found = [re.fullmatch(r"(!?)self\.matches\('(.*)'\)", rule["rule"]) for rule in schema]
    return [(not rule[1], re.compile(re.sub(r"\\(.)", r"\1", rule[2]))) for rule in found if rule]


def admitted(config: str) -> bool:
    return all(bool(pattern.search(config)) is wanted for wanted, pattern in rules())


def test_every_rule_is_read() -> None:
    assert len(rules()) == len(cast(list[object], dovecot_settings.schema()["x-kubernetes-validations"]))


PIECES = st.sampled_from(
    [*(name.replace("*", "x") for name in REFUSED), *"\n \t{}=/\"'\\#;", "\n", "\n", "protocol", "lmtp", "x = y", "é"]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_the_api_server_and_the_operator_agree(config: str) -> None:
    assert admitted(config) is (problem(config) is None)
