"""One round: the floor, then the operator, with the same objects on the same API server."""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from bench import client, objects, process, scene
from bench.client import Client, Counts
from bench.control_plane import ControlPlane
from bench.figures import Figure
from bench.operator_process import Operator, operator
from mailstack_operator.kube.kinds import KINDS, LEASE
from mailstack_operator.kube.objects import Object, number, section, text

Found = dict[Figure, float]

CHANGES = 20
SCRAPES = 5
# Seconds.
IDLE, LIMIT = 30.0, scene.LIMIT

_RESOURCES = {kind.plural for kind in KINDS if kind != LEASE} | {"mailstacks/status"}
_WRITES = ("APPLY", "PATCH", "POST", "PUT", "DELETE")


@dataclass
class Round:
    """`size` MailStacks."""

    server: Client
    plane: ControlPlane
    size: int

    async def run(self) -> Found:
        """Everything that is measured."""
        await scene.prepare(self.server, (objects.FLOOR, objects.LOOP), self.size)
        wall, cpu = await self._floor()
        async with operator(self.plane) as running:
            found = await self._create(running, wall, cpu)
            found |= await self._idle(running)
            found |= await self._scrape(running)
        before, began = await self.server.counts(), time.monotonic()
        async with operator(self.plane) as running:
            settled = await running.settle(self.size, every=0.5)
            found |= await self._restarted(running, before, cpu)
            return found | {Figure.RESTART: (settled - began) / wall} | await self._change()

    async def _floor(self) -> tuple[float, float]:
        """Seconds, and seconds of the processor."""
        self.uids = await scene.create(self.server, objects.FLOOR, self.size)
        command = [sys.executable, "-m", "bench.floor", self.plane.url, str(self.plane.certificate)]
        started = await asyncio.create_subprocess_exec(*command, stdin=-1, stdout=-1)
        printed, _ = await started.communicate("\n".join(self.uids).encode())
        wall, cpu = json.loads(printed)
        print(f"floor: {wall:.2f} s, {cpu:.2f} s of the processor", file=sys.stderr)
        return float(wall), float(cpu)

    async def _create(self, running: Operator, wall: float, cpu: float) -> Found:
        memory, used, before = running.memory, running.cpu, await self.server.counts()
        async with aclosing(self.server.watch(scene.collection(objects.LOOP))) as events:
            began = time.monotonic()
            creating = asyncio.create_task(scene.create(self.server, objects.LOOP, self.size))
            await self._all_reported(events)
            took = time.monotonic() - began
            print(f"operator: {took:.2f} s", file=sys.stderr)
            await creating
        await running.settle(self.size, every=2.0)
        requests = _difference(await self.server.counts(), before)
        own = 1 + len(objects.requests(objects.LOOP, 0, ""))
        return {
            Figure.CPU: (running.cpu - used) / cpu,
            Figure.WALL: took / wall,
            Figure.REQUESTS: requests.total() / self.size - own,
            Figure.MEMORY_EACH: (running.memory - memory) * 1024 / self.size,
        }

    async def _all_reported(self, events: AsyncIterator[tuple[str, Object]]) -> None:
        reported: set[str] = set()
        async with asyncio.timeout(LIMIT):
            async for _, body in events:
                if number(section(body, "status"), "observedGeneration") > 0:
                    reported.add(text(section(body, "metadata"), "name"))
                if len(reported) == self.size:
                    return

    async def _idle(self, running: Operator) -> Found:
        pids = (running.pid, self.plane.api_server, self.plane.etcd)
        before, used = await self.server.counts(), [process.cpu_seconds(pid) for pid in pids]
        await asyncio.sleep(IDLE)
        own, *others = (process.cpu_seconds(pid) - start for pid, start in zip(pids, used, strict=True))
        requests = _difference(await self.server.counts(), before)
        gets = sum(count for (verb, _), count in requests.items() if verb == "GET")
        return {
            Figure.IDLE_CPU: own / IDLE * 1000,
            Figure.IDLE_SERVERS: sum(others) / IDLE * 1000,
            Figure.IDLE_GETS: gets / IDLE,
        }

    async def _scrape(self, running: Operator) -> Found:
        pages = [await asyncio.to_thread(running.scrape) for _ in range(SCRAPES)]
        return {
            Figure.SCRAPE_SIZE: len(pages[0][0]) / 1000,
            Figure.SCRAPE_TIME: statistics.median(took for _, took in pages),
        }

    async def _restarted(self, running: Operator, before: Counts, cpu: float) -> Found:
        requests = _difference(await self.server.counts(), before)
        writes = sum(count for (verb, _), count in requests.items() if verb in _WRITES)
        return {
            Figure.RESTART_CPU: running.cpu / cpu,
            Figure.RESTART_MEMORY: running.memory,
            Figure.RESTART_PEAK: running.peak,
            Figure.RESTART_WRITES: float(writes),
        }

    async def _change(self) -> Found:
        changes = range(min(CHANGES, self.size))
        by_hand = [await self._change_by_hand(each) for each in changes]
        changed = f"/api/v1/namespaces/{objects.LOOP}/configmaps"
        async with scene.kubelet(self.server), aclosing(self.server.watch(changed)) as events:
            by_operator = [await self._change_of_spec(each, events) for each in changes]
        return {Figure.CHANGE: statistics.median(by_operator) / statistics.median(by_hand)}

    async def _change_by_hand(self, place: int) -> float:
        """The same writes one after the other, in seconds."""
        change = objects.change(objects.FLOOR, place, self.uids[place], _domain(place))
        began = time.monotonic()
        await self.server.send("PATCH", *change.spec, client.MERGE)
        for path, body in (*change.before, change.pod):
            await self.server.send("PATCH", path, body, client.APPLY)
        pod = change.pod[0].partition("?")[0]
        await self.server.send("PATCH", f"{pod}/status", scene.PASSED, client.MERGE)
        await self.server.send("PATCH", *change.after, client.APPLY)
        return time.monotonic() - began

    async def _change_of_spec(self, place: int, events: AsyncIterator[tuple[str, Object]]) -> float:
        """Until the ConfigMap of the pods shows it, in seconds."""
        path, body = objects.change(objects.LOOP, place, "", _domain(place)).spec
        began = time.monotonic()
        await self.server.send("PATCH", path, body, client.MERGE)
        async with asyncio.timeout(LIMIT):
            async for _, config in events:
                name = text(section(config, "metadata"), "name")
                if _domain(place) in str(config.get("data")) and "rehearsal" not in name:
                    break
        return time.monotonic() - began


async def one_round(size: int) -> Found:
    """A round on a control plane of its own. Raises HarnessError."""
    async with scene.empty() as (server, plane):
        return await Round(server, plane, size).run()


def _domain(place: int) -> str:
    return f"new-{place}.example.org"


def _difference(after: Counts, before: Counts) -> Counts:
    """The requests for what the operator deals with."""
    return Counts({key: after[key] - before[key] for key in after if key[1] in _RESOURCES})
