"""Conversations with agents in client pods: an agent is started once and then asked again and again.

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
    """An agent that runs in the pod `client` of a namespace, at the other end of a `kubectl exec`."""

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


# Those that nobody speaks with now, by namespace. An agent answers one question at a time.
_idle: dict[str, list[Conversation]] = defaultdict(list)


def ask(namespace: str, request: dict[str, Any], seconds: float) -> Any:
    """The answer of an agent in the namespace. Raises CommandError with the agent's traceback."""
    with _with_agent(namespace) as agent:
        answer = agent.ask(request, seconds)
    if "error" in answer:
        raise CommandError(["the mail client", str(request["verb"])], "an error", answer["error"])
    return answer["answer"]


@contextmanager
def _with_agent(namespace: str) -> Iterator[Conversation]:
    """An agent that nobody else speaks with; one that has failed is not used again."""
    agent = _waiting(namespace) or _start(namespace)
    try:
        yield agent
    except BaseException as error:
        agent.end()
        if isinstance(error, Silent):
            raise CommandError(["the mail client of", namespace], str(error), "") from error
        raise
    _idle[namespace].append(agent)


def _waiting(namespace: str) -> Conversation | None:
    while _idle[namespace]:
        agent = _idle[namespace].pop()
        if agent.is_alive():
            return agent
        agent.end()
    return None


def _start(namespace: str) -> Conversation:
    command = ["kubectl", f"--namespace={namespace}", "exec", "client", "--container=client", "--stdin"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [*command, "--", "python3", "-c", packed.BOOT], stdin=pipe, stdout=pipe, stderr=pipe, env=paths.environment()
    )
    agent = Conversation(process)
    agent.tell(packed.agent())
    return agent


@atexit.register
def _end_all() -> None:
    for agent in (agent for agents in _idle.values() for agent in agents):
        agent.end()
