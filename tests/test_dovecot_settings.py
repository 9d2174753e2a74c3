"""Which settings of Dovecot a MailStack may add,."""

import pytest

from mailstack_operator.stack.dovecot.extra_config import REFUSED
from mailstack_operator.stack.parser import InvalidMailStack
from tests.stacks import stack


def problem(config: str) -> str | None:
    """What is wrong with the settings, without the field's name."""
    try:
        stack({"spec.dovecot.extraConfig": config})
    except InvalidMailStack as error:
        return error.problems[0].removeprefix("spec.dovecot.extraConfig: ")
    return None


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
    """doveconf of 2.3 or 2.4 reads most of them as the refused setting."""
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
