"""Namespaces of an old dovecot.conf that Dovecot takes, and with which it could open no mailbox."""

import pytest

from mailstack_operator.stack.dovecot.namespaces import problem


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            "mail_debug = yes\nnamespace inbox {\n  separator = /\n  prefix = INBOX.\n}\n",
            "line 2: the prefix INBOX. of a namespace does not end with its separator /",
        ),
        ("namespace inbox {\n  prefix = INBOX/\n}\n", "write prefix = INBOX., or separator = /"),
        ('namespace {\n  prefix = "Public/"\n  mailbox x {\n    auto = no\n  }\n  separator = .\n}\n', "line 1: "),
        ("namespace inbox {\n  separator = /\n}\nnamespace inbox {\n  prefix = INBOX.\n}\n", "line 1: "),
    ],
)
def test_a_prefix_that_does_not_end_with_its_separator_is_named(config: str, expected: str) -> None:
    """Fault: the rehearsal passed, RCPT was accepted, and each message was deferred while Ready was True."""
    assert expected in str(problem(config))


@pytest.mark.parametrize(
    "config",
    [
        "",
        "namespace inbox {\n  separator = /\n}\n",
        "namespace inbox {\n  prefix = INBOX.\n}\n",
        "namespace inbox {\n  prefix =\n}\n",
        'namespace inbox {\n  separator = "/"\n  prefix = "INBOX/"\n}\n',
        "namespace inbox {\n  mailbox x {\n    prefix = y\n  }\n}\nplugin {\n  prefix = z\n}\n",
        "namespace compat {\n  prefix = INBOX.\n  separator = /\n  list = no\n}\n",
        "namespace inbox {\n  # {\n  # prefix = INBOX/\n}\n",
    ],
)
def test_other_namespaces_are_dovecots(config: str) -> None:
    assert problem(config) is None
