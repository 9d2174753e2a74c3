"""Asks Postfix, as another mail server would, whether it refuses recipients that do not exist."""

import time
from collections.abc import Callable
from pathlib import Path

from mailstack_probe import dialogue, sessions, verification_verdicts, verify_cache
from mailstack_probe.contract import PROBE_USER
from mailstack_probe.dialogue import Answer
from mailstack_probe.replies import Reply
from mailstack_probe.sessions import Problem, Session, Unsettled
from mailstack_probe.verdicts import Verdict

# Seconds for one dialogue: Postfix waits for Dovecot's answer before it replies 450.
LIMIT = 15.0
# Seconds for which a name is used unless something changed: each is an entry in the verify cache for days.
_NAME_LASTS = 600.0
# Seconds for which it is used after a temporary answer.
_NAME_LASTS_AT_LEAST = 10.0
# A name is made of the time of day, a new one every so many seconds: it is used again the next day.
_NAMES_EVERY = 2
_DAY = 86400


class UnknownNames:
    """Recipients that do not exist. Dovecot answers for a new name, the verify cache may answer for a used one."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._since = clock()

    def renew(self, *, at_once: bool = True) -> None:
        """Takes a new name; without `at_once` only if the last one is some seconds old."""
        if at_once or self._clock() - self._since > _NAME_LASTS_AT_LEAST:
            # Never the name of the last moment, which has an answer already.
            self._since = max(self._clock(), (self._since // _NAMES_EVERY + 1) * _NAMES_EVERY)

    def address(self, domain: str) -> str:
        if self._clock() - self._since > _NAME_LASTS:
            self.renew()
        return f"{PROBE_USER}-{self._since % _DAY // _NAMES_EVERY:05.0f}@{domain}"


class Verifier:
    """Postfix on a port of this pod; `cache` is the file of its verify cache, if the pod has it."""

    def __init__(self, port: int, expected: int, cache: Path | None = None) -> None:
        self._port = port
        self._expected = expected
        self._cache = cache

    def check(self, domain: str, address: str) -> Verdict:
        """The verdict on one domain, after a dialogue of LIMIT seconds at most."""
        try:
            with sessions.on_port(f"SMTP on port {self._port}", self._port, time.monotonic() + LIMIT) as session:
                answer = _ask(session, address)
        except (Problem, Unsettled) as problem:
            return verification_verdicts.unreachable(problem)
        cached = self._read_cache(answer, address)
        return verification_verdicts.of_answer(domain, _generic(answer, address), self._expected, cached)

    def _read_cache(self, answer: Answer, address: str) -> str:
        """The entry of an address that should have been refused."""
        return verify_cache.text(self._cache, address) if self._cache and _is_surprise(answer, self._expected) else ""


def _is_surprise(answer: Answer, expected: int) -> bool:
    return answer.accepted and expected != 250


def _ask(session: Session, address: str) -> Answer:
    """The answer to RCPT, or to what was refused before."""
    answer = dialogue.start(session)
    if answer.accepted:
        answer = dialogue.ask(session, address)
        dialogue.quit_session(session)
    return answer


def _generic(answer: Answer, address: str) -> Answer:
    """The answer without the number of the name, so that the message of a lasting verdict does not change."""
    local, _, domain = address.rpartition("@")
    text = answer.reply.text.replace(address, f"{PROBE_USER}@{domain}").replace(local, PROBE_USER)
    return Answer(answer.stage, Reply(answer.reply.code, text))
