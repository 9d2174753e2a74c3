"""Postfix's services, as master.cf lists them, none of them in a chroot: the container is one already."""

# name, type, private, unprivileged, chroot, wakeup, process limit, program: master(5).
SERVICES = """\
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


def private_sockets() -> set[str]:
    """The names of Postfix's own sockets in private/."""
    fields = (line.split() for line in SERVICES.splitlines())
    # Older versions of Postfix keep postlogd's, of type unix-dgram, in private/.
    return {name for name, kind, private, *_ in fields if kind == "unix-dgram" or (kind == "unix" and private == "-")}
