"""The line of a log that says why."""

from mailstack_probe.logs import telling

POSTFIX = """\
Nov 22 22:28:31 mail postfix/master[1]: daemon started -- version 3.10.13, configuration /etc/postfix
Nov 22 22:28:32 mail postfix/smtpd[115]: warning: unknown smtpd restriction: "reject_everybody"
Nov 22 22:28:32 mail postfix/smtpd[115]: disconnect from unknown[10.244.0.1] commands=0/0
"""
DOVECOT = """\
Nov 22 22:28:30 master: Warning: something small
Nov 22 22:28:30 lmtp(28): Fatal: Raw user initialization failed: Plugin 'no_such_plugin' not found
Nov 22 22:28:31 master: Error: service(lmtp): command startup failed
"""


def test_the_warning_of_postfix_is_found_without_its_date() -> None:
    assert telling(POSTFIX) == 'postfix/smtpd[115]: warning: unknown smtpd restriction: "reject_everybody"'


def test_what_is_graver_tells_more() -> None:
    assert telling(DOVECOT) == "lmtp(28): Fatal: Raw user initialization failed: Plugin 'no_such_plugin' not found"


def test_a_log_without_a_grave_line_tells_nothing() -> None:
    assert telling("Nov 22 22:28:30 master: Info: Dovecot v2.4.1 starting up\n") is None


TLSPROXY = """\
Nov 22 22:28:32 mail postfix/tlsproxy[91]: warning: request from tlsproxy client with unexpected settings
Nov 22 22:28:32 mail postfix/tlsproxy[91]: warning: (server) 'cache_type=smtp' != (client) 'cache_type=lmtp'
Nov 22 22:28:32 mail postfix/tlsproxy[91]: warning: to avoid this warning, 1) identify the tlsproxy client
"""


def test_what_tlsproxy_always_says_of_lmtp_is_no_reason() -> None:
    assert telling(TLSPROXY) is None
    assert telling(TLSPROXY + POSTFIX) == telling(POSTFIX)


def test_that_dovecot_takes_old_passwords_is_no_reason() -> None:
    """Fault: a rehearsal told of it alone when Postfix's line came a moment later than its reply."""
    assert telling("Nov 22 22:28:30 auth: Warning: Weak password schemes are allowed\n") is None


def test_another_difference_to_tlsproxy_is_told() -> None:
    line = "postfix/tlsproxy[91]: warning: (server) 'CAfile=/a' != (client) 'CAfile=/b'"
    assert telling(f"{TLSPROXY}Nov 22 22:28:32 mail {line}") == line
