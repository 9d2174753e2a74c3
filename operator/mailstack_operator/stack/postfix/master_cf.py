"""master.cf: Postfix's services, none of them in a chroot, because the container is one already."""

from mailstack_operator.stack import syntax
from mailstack_operator.stack.topology import Topology

# name, type, private, unprivileged, chroot, wakeup, process limit, program: master(5).
_SERVICES = """\
smtp       inet        n  -  n  -      -  smtpd
pickup     unix        n  -  n  60     1  pickup
cleanup    unix        n  -  n  -      0  cleanup
qmgr       unix        n  -  n  300    1  qmgr
tlsmgr     unix        -  -  n  1000?  1  tlsmgr
rewrite    unix        -  -  n  -      -  trivial-rewrite
bounce     unix        -  -  n  -      0  bounce
defer      unix        -  -  n  -      0  bounce
trace      unix        -  -  n  -      0  bounce
verify     unix        -  -  n  -      1  verify
flush      unix        n  -  n  1000?  0  flush
proxymap   unix        -  -  n  -      -  proxymap
proxywrite unix        -  -  n  -      1  proxymap
smtp       unix        -  -  n  -      -  smtp
relay      unix        -  -  n  -      -  smtp
showq      unix        n  -  n  -      -  showq
error      unix        -  -  n  -      -  error
retry      unix        -  -  n  -      -  error
discard    unix        -  -  n  -      -  discard
local      unix        -  n  n  -      -  local
virtual    unix        -  n  n  -      -  virtual
lmtp       unix        -  -  n  -      -  lmtp
anvil      unix        -  -  n  -      1  anvil
scache     unix        -  -  n  -      1  scache
postlog    unix-dgram  n  -  n  -      1  postlogd
"""

# Mail programs: nobody sends without a login, nobody logs in without TLS, and each login sends as itself.
# The last line keeps example.org in mua_recipient_restrictions from meaning sub.example.org, too.
_SUBMISSION = """\
  -o syslog_name=postfix/$service_name
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=
  -o smtpd_helo_restrictions=
  -o smtpd_sender_restrictions=reject_sender_login_mismatch
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o smtpd_recipient_restrictions=$mua_recipient_restrictions
  -o parent_domain_matches_subdomains=
"""
_SUBMISSION_SERVICES = f"""\
submission inet        n  -  n  -      -  smtpd
  -o smtpd_tls_security_level=encrypt
{_SUBMISSION}\
submissions inet       n  -  n  -      -  smtpd
  -o smtpd_tls_wrappermode=yes
{_SUBMISSION}"""


def render(topology: Topology) -> str:
    """The whole of master.cf."""
    submission = _SUBMISSION_SERVICES if topology.spec.submission else ""
    return syntax.HEADER + _SERVICES + submission
