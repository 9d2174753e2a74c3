"""The loop of a helper that looks at files: the kubelet changes those of a Secret while the pod runs."""

import signal
from collections.abc import Callable, Sequence

_STOP = {signal.SIGTERM, signal.SIGINT}


def watch(looks: Sequence[Callable[[], str | None]], period: float) -> None:
    """Looks every `period` seconds, until SIGTERM or SIGINT; what a look returns is a line for the log."""
    # Blocked and waited for: PID 1 has no default action, and no look is interrupted.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    while True:
        for look in looks:
            if line := look():
                print(f"mailstack: {line}", flush=True)
        if signal.sigtimedwait(_STOP, period):
            return
