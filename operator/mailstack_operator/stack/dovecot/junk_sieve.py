"""junk.sieve: what the filter calls spam goes to the user's mailbox for it. Source: RFC 5228, RFC 5490."""

from mailstack_operator.stack.users.source import Spec


def render(spec: Spec) -> str:
    """The script. `stop` ends the users' own too, so that nobody gets a vacation message or a redirected copy."""
    return f"""\
require ["fileinto", "mailbox"];
if header :is "X-Spam" "Yes" {{
  fileinto :create "{_mailbox(spec)}";
  stop;
}}
"""


def _mailbox(spec: Spec) -> str:
    junk = (each.name for each in spec.dovecot.mailboxes if each.special_use == "Junk")
    return next(junk, "Junk")
