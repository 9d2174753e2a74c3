"""Asks Postfix, as another mail server would, whether it accepts mail: up to MAIL."""

import time

from mailstack_probe import connections, dialogue, sessions, smtp_verdicts
from mailstack_probe.sessions import Problem, Unsettled
from mailstack_probe.verdicts import Verdict

# Seconds for one dialogue: Postfix asks its filters before it answers.
LIMIT = 10.0


def check(port: int, most: int | None = None) -> Verdict:
    """The verdict on the port, after a dialogue of LIMIT seconds at most; Postfix serves `most` connections at once."""
    full = most is not None and connections.established()[port] >= most
    try:
        with sessions.on_port(f"SMTP on port {port}", port, time.monotonic() + LIMIT) as session:
            answer = dialogue.start(session)
            if answer.accepted:
                dialogue.quit_session(session)
    except (Problem, Unsettled) as problem:
        return smtp_verdicts.full(port, most) if full and most else smtp_verdicts.of_failure(port, problem)
    return smtp_verdicts.of_answer(port, answer)
