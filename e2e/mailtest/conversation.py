"""Conversations with agents where mail clients are: an agent is started once and then asked again and again.

A `kubectl exec` and a Python for every question would be most of a question's cost.
"""

import atexit
import json
import os
import selectors
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harness import paths
from mailtest import packed
from mailtest.command import CommandError

# An agent whose connection was cut (the API server or the kubelet was restarted) is replaced by a new one.
ALIVE_SECONDS = 5.0


class Silent(Exception):
    """The agent has ended, or did not answer in time."""


@dataclass(frozen=True)
class Conversation:
    """An agent that runs at the other end of a `kubectl exec`, or the like."""

    process: "subprocess.Popen[bytes]"

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The agent's answer. Raises Silent."""
        self.tell(json.dumps(request))
        answer: dict[str, Any] = json.loads(self._line(time.monotonic() + seconds))
        return answer

    def is_alive(self) -> bool:
        try:
            self.ask({}, ALIVE_SECONDS)
        except Silent:
            return False
        return True

    def tell(self, text: str) -> None:
        """Raises Silent."""
        assert self.process.stdin
        try:
            self.process.stdin.write(f"{text}\n".encode())
            self.process.stdin.flush()
        except OSError as error:
            raise Silent(str(error)) from error

    def _line(self, deadline: float) -> bytes:
        """What the agent says next, up to the end of the line; it says nothing unasked."""
        assert self.process.stdout
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(deadline - time.monotonic()):
                    raise Silent("no answer in time")
                if not (chunk := os.read(self.process.stdout.fileno(), 65536)):
                    raise Silent(f"the agent has ended: {self.end().strip()}")
                line += chunk
        return line

    def end(self) -> str:
        """End the agent; what kubectl wrote to stderr."""
        self.process.kill()
        return self.process.communicate()[1].decode(errors="replace")


# A command that runs Python where an agent is to be, such as `kubectl exec ... -- python3`.
Python = tuple[str, ...]
# Those that nobody speaks with now. An agent answers one question at a time.
_idle: dict[Python, list[Conversation]] = defaultdict(list)


def ask(python: Python, request: dict[str, Any], seconds: float) -> Any:
    """The answer of an agent. Raises CommandError with the agent's traceback."""
    with _with_agent(python) as agent:
        answer = agent.ask(request, seconds)
    if "error" in answer:
        raise CommandError(["the mail client", str(request["verb"])], "an error", answer["error"])
    return answer["answer"]


@contextmanager
def _with_agent(python: Python) -> Iterator[Conversation]:
    """An agent that nobody else speaks with; one that has failed is not used again."""
    agent = _waiting(python) or _start(python)
    try:
        yield agent
    except BaseException as error:
        agent.end()
        if isinstance(error, Silent):
            raise CommandError([*python, "as the mail client"], str(error), "") from error
        raise
    _idle[python].append(agent)


def _waiting(python: Python) -> Conversation | None:
    while _idle[python]:
        agent = _idle[python].pop()
        if agent.is_alive():
            return agent
        agent.end()
    return None


def _start(python: Python) -> Conversation:
    pipe, environment = subprocess.PIPE, paths.environment()
    process = subprocess.Popen([*python, "-c", packed.BOOT], stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
    agent = Conversation(process)
    agent.tell(packed.agent())
    return agent


@atexit.register
def _end_all() -> None:
    for agent in (agent for agents in _idle.values() for agent in agents):
        agent.end()
