# Fails if rspamd does not answer within 15 s what Postfix asks a milter first: the version of the protocol.
# Environment: SOCKET. The question is that of mailstack_probe/milter.py. rspamadm is the one program for it that each
# image has; where another version cannot run these lines, nobody is judged by them.
set -eu
status=0
rspamadm lua -b /dev/stdin << 'LUA' || status=$?
local function finish(status, words)
  io.stderr:write(words, "\n")
  os.exit(status)
end
require("rspamd_tcp").request({
  ev_base = rspamadm_ev_base,
  config = rspamd_config,
  host = os.getenv("SOCKET"),
  port = 0,
  timeout = 15,
  data = "\0\0\0\13O\0\0\0\6\0\0\1\255\0\31\255\255",
  partial = true,
  callback = function(failure)
    if failure then finish(3, "no answer: " .. tostring(failure)) end
    finish(0, "answers")
  end,
})
rspamadm_ev_base:loop()
LUA
[ "$status" != 3 ]
