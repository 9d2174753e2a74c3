"""Checks that mail can be delivered and that unknown recipients are refused: a sidecar of every mail pod.

    python -m mailstack_probe --lmtp=unix:/var/spool/postfix/private/dovecot-lmtp --smtp=25 --domain=example.org ...

Asks Dovecot over LMTP and Postfix over SMTP, and writes its verdicts into this pod's entry of the MailStack's status
when they change. Serves /metrics and /healthz. Exits on SIGTERM only.
"""

import os
import signal
import threading
from pathlib import Path

from mailstack_probe import exposition, identity, loops, metrics
from mailstack_probe.board import Board
from mailstack_probe.contract import POD_NAME, POD_UID, ProbeOptions
from mailstack_probe.loops import Loop
from mailstack_probe.probe import Probe
from mailstack_probe.reports import ApiServer, Identity, Reporter
from mailstack_probe.web import Answer, Server

# Seconds for a turn of a loop; the longest, of verification with a silent Postfix, takes a quarter of it.
_STUCK = 60.0
_STOP = {signal.SIGTERM, signal.SIGINT}
_STACK = 256 * 1024


def main() -> None:
    """Returns on SIGTERM, which is blocked before the first thread starts: PID 1 has no default action."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    # The C library's resolver waits half a minute for a silent name server.
    os.environ.setdefault("RES_OPTIONS", "timeout:1 attempts:1")
    threading.stack_size(_STACK)
    options = ProbeOptions.parse()
    entry = Identity.of(options.stack, os.environ.get(POD_NAME, ""), os.environ.get(POD_UID, ""))
    identity.become(Path(options.ids) if options.ids else None, options.group)
    _start(options, entry)
    signal.sigwait(_STOP)


def _start(options: ProbeOptions, entry: Identity) -> None:
    board = Board()
    probe = Probe(options, board)
    reporter = Reporter(board, entry, ApiServer.of_cluster(options.credentials))
    report = Loop("report", reporter.turn)
    watched = [*probe.watched, report]

    def health() -> Answer:
        stuck = loops.stuck(watched, _STUCK)
        return (503, f"stuck: {', '.join(stuck)}\n") if stuck else (200, "ok\n")

    def scrape() -> Answer:
        return 200, exposition.text(metrics.collect(options, probe, reporter))

    Server(options.port, {"/healthz": health, "/metrics": scrape}).start()
    probe.start()
    report.start()


if __name__ == "__main__":
    main()
