"""A round: a MailStack starts, takes a parameter by a reload, and another host name with another pod."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.changes import port
from bench.changes.figures import ChangesFigure
from mailtest import manifests, node
from mailtest.stack import Stack
from measure.timeline import Timeline, watch

# Seconds: of idleness that is measured before, of what goes on after Ready (the rehearsal's pod ends), and at most.
IDLE, REST, LIMIT = 10.0, 10.0, 240.0

# What the condition Ready says, and of which generation of the MailStack.
Ready = tuple[int, str]


@dataclass(frozen=True)
class Took:
    """Seconds until Ready, and of the node's processors for it, less what it takes at idle."""

    ready: float
    processor: float


def one_round(stack: Stack) -> Mapping[ChangesFigure, float]:
    """`stack` does not exist yet; the Secret of its users and the client's pod do."""
    with Timeline(watch(stack), _read) as status:
        start = _took(status, lambda: stack.kubectl.apply(manifests.mailstack(stack.name)), 1)
        stack.wait_ready()
        with Timeline(port.command(stack.namespace, stack.host), port.read) as asked:
            asked.wait(wanted=True, after=0.0, seconds=LIMIT)
            parameters = {"message_size_limit": "7654321"}
            began = time.time()
            reload = _took(status, lambda: stack.patch(postfix={"parameters": parameters}), 2)
            reload_away = port.away(asked.seen, began)
            began = time.time()
            roll = _took(status, lambda: stack.patch(hostname="mx.example.org"), 3)
            roll_away = port.away(asked.seen, began)
    return {
        ChangesFigure.START: start.ready,
        ChangesFigure.START_CPU: start.processor,
        ChangesFigure.RELOAD: reload.ready,
        ChangesFigure.RELOAD_CPU: reload.processor,
        ChangesFigure.RELOAD_AWAY: reload_away,
        ChangesFigure.ROLL: roll.ready,
        ChangesFigure.ROLL_CPU: roll.processor,
        ChangesFigure.ROLL_AWAY: roll_away,
    }


def _took(status: Timeline[Ready], change: Callable[[], object], generation: int) -> Took:
    idle = _idle()
    before, began = node.cpu_seconds(), time.time()
    change()
    ready = status.wait((generation, "True"), began, LIMIT)
    time.sleep(REST)
    used = node.cpu_seconds() - before
    return Took(ready - began, used - idle * (time.time() - began))


def _idle() -> float:
    """How many processors the node takes while nothing happens."""
    before, began = node.cpu_seconds(), time.time()
    time.sleep(IDLE)
    return (node.cpu_seconds() - before) / (time.time() - began)


def _read(line: str) -> tuple[float, Ready] | None:
    conditions = json.loads(line)["object"].get("status", {}).get("conditions", [])
    said = [(each["observedGeneration"], each["status"]) for each in conditions if each["type"] == "Ready"]
    return (time.time(), said[0]) if said else None
