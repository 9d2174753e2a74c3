"""The operator as a process of this machine, against the bench's API server."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from bench import objects, process
from bench.control_plane import ControlPlane, free_port, running
from harness import paths
from harness.errors import HarnessError

# Seconds.
START, QUIET, LIMIT = 120.0, 3.0, 1800.0


@dataclass
class Operator:
    """`peak` is the most memory that `note_memory` saw, in MB."""

    pid: int
    port: int
    peak: float = field(default=0.0)

    @property
    def cpu(self) -> float:
        return process.cpu_seconds(self.pid)

    @property
    def memory(self) -> float:
        return process.pss_megabytes(self.pid)

    def note_memory(self) -> None:
        self.peak = max(self.peak, self.memory)

    def scrape(self) -> tuple[str, float]:
        """The metrics, and the milliseconds that they took."""
        began = time.monotonic()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=60) as answer:
            page = answer.read().decode()
        return page, (time.monotonic() - began) * 1000

    async def runs(self) -> float:
        """How often the loop ran."""
        page, _ = await asyncio.to_thread(self.scrape)
        return sum(
            float(number) for number in re.findall(r"^mailstack_reconcile_total\{.*\} (\S+)$", page, re.MULTILINE)
        )

    async def settle(self, at_least: int, every: float) -> float:
        """When the last run ended, once there were so many and none came for QUIET seconds; asks `every` so many."""
        seen, since, deadline = -1.0, time.monotonic(), time.monotonic() + LIMIT
        while seen < at_least or time.monotonic() - since < QUIET:
            if time.monotonic() > deadline:
                raise HarnessError(f"the operator is not done after {LIMIT:.0f} s: {seen:.0f} runs of {at_least}")
            await asyncio.sleep(every)
            self.note_memory()
            if (now := await self.runs()) != seen:
                seen, since = now, time.monotonic()
        return since


@asynccontextmanager
async def operator(plane: ControlPlane) -> AsyncIterator[Operator]:
    """Once it has read the cluster and leads; with what the chart sets."""
    with starting(plane) as (found, started):
        await _await(lambda: _is_ready(found), started)
        yield found
        started.send_signal(signal.SIGTERM)


@contextmanager
def starting(plane: ControlPlane) -> Iterator[tuple[Operator, subprocess.Popen[bytes]]]:
    """As soon as its process is there."""
    port = free_port()
    variables = {**os.environ, "KUBECONFIG": str(plane.kubeconfig), "PYTHONPATH": str(paths.repository() / "operator")}
    command = [sys.executable, "-m", "mailstack_operator", "run", f"--port={port}"]
    options = [f"--namespace={objects.LOOP}", f"--lease-namespace={objects.LOOP}"]
    with running([*command, *options], plane.folder / "operator.log", **variables) as started:
        yield Operator(started.pid, port), started


async def _await(condition: Callable[[], bool], started: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START
    while not await asyncio.to_thread(condition):
        if started.poll() is not None or time.monotonic() > deadline:
            raise HarnessError("the operator did not start")
        await asyncio.sleep(0.05)


def _is_ready(found: Operator) -> bool:
    try:
        page, _ = found.scrape()
    except OSError:
        return False
    return "mailstack_leader 1.0" in page
