"""The operator killed while MailStacks change, and an API server that is away: what is left when all is over.

No pods run, so this says nothing about mail: the e2e tests do.
"""

import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from itertools import count

from bench import client, objects, scene
from bench.client import Client
from bench.control_plane import ControlPlane
from bench.operator_process import Operator, operator, starting
from harness.errors import HarnessError
from mailstack_operator.kube.kinds import EVENT, KINDS, LEASE, MAIL_STACK, SECRET, url_path
from mailstack_operator.kube.metadata import ref_of
from mailstack_operator.kube.objects import Object, number, section, text
from mailstack_operator.stack import children, topology
from mailstack_operator.stack.parser import parse

# What the operator makes for a MailStack, in MailStacks' namespaces.
MADE = [kind for kind in KINDS if kind not in (MAIL_STACK, SECRET, EVENT, LEASE)]
CHANGING = 5
# A start takes two seconds on a quiet machine.
LONGEST_LIFE = 6.0
# Seconds between two changes of the specs, and of the API server's absence.
PAUSE, ABSENCE = 0.2, 60.0
# Seconds between two looks at everything, which is work for the API server.
LOOK = 5.0
# What the chart allows, in MB.
MEMORY = 256.0


async def killed(times: int) -> str:
    """Kills the operator so often at random moments. Returns what came of it. Raises HarnessError."""
    chance = random.SystemRandom()
    async with scene.empty() as (server, plane):
        await scene.prepare(server, [objects.LOOP], CHANGING)
        await scene.create(server, objects.LOOP, CHANGING)
        async with scene.kubelet(server):
            async with asyncio.TaskGroup() as group:
                changes = group.create_task(_change(server, chance))
                for _ in range(times):
                    await _one_life(plane, chance.uniform(0.5, LONGEST_LIFE))
                changes.cancel()
            peak = await _converge(server, plane, CHANGING)
    return f"{times} kills while {CHANGING} MailStacks change: {_good(peak)}"


async def away(size: int) -> str:
    """Stops the API server for a minute. Returns what came of it. Raises HarnessError."""
    async with scene.empty() as (server, plane):
        await scene.prepare(server, [objects.LOOP], size)
        await scene.create(server, objects.LOOP, size)
        async with operator(plane) as running:
            await running.settle(size, every=2.0)
            await _absence(server, plane, running)
            async with scene.kubelet(server):
                for place in range(CHANGING):
                    await _add_domain(server, place, "after.example.org")
                await _await_right(server)
            await running.settle(0, every=1.0)
            peak = running.peak
        await _converge(server, plane, size)
    _hold(peak)
    return f"API server away for {ABSENCE:.0f} s with {size:,} MailStacks: {_good(peak)}"


async def _one_life(plane: ControlPlane, seconds: float) -> None:
    with starting(plane) as (_, process):
        await asyncio.sleep(seconds)
        process.kill()


async def _change(server: Client, chance: random.SystemRandom) -> None:
    for each in _domains():
        await _add_domain(server, chance.randrange(CHANGING), each)
        await asyncio.sleep(PAUSE)


def _domains() -> Iterator[str]:
    return (f"new-{each}.example.org" for each in count())


async def _add_domain(server: Client, place: int, domain: str) -> None:
    path = url_path(MAIL_STACK.ref(objects.LOOP, objects.name(place)))
    spec = json.dumps({"spec": {"domains": ["example.org", domain]}})
    await server.send("PATCH", path, spec, client.MERGE)


async def _absence(server: Client, plane: ControlPlane, running: Operator) -> None:
    plane.stop_api_server()
    for _ in range(int(ABSENCE)):
        await asyncio.sleep(1)
        running.note_memory()
    plane.start_api_server()
    await scene.await_served(server, "/readyz")


async def _converge(server: Client, plane: ControlPlane, size: int) -> float:
    """One operator that is left alone, and one more, which has nothing to write. Returns the most memory in MB."""
    async with operator(plane) as running:
        await running.settle(size, every=0.5)
        await _await_right(server)
    before = await _versions(server)
    async with operator(plane) as again:
        await again.settle(size, every=0.5)
    if changed := set((await _versions(server)).items()) ^ set(before.items()):
        raise HarnessError(f"written again without a reason: {sorted(changed)[:5]}")
    peak = max(running.peak, again.peak)
    _hold(peak)
    return peak


def _good(peak: float) -> str:
    return f"converged, nothing left over, {peak:.0f} MB at most"


def _hold(peak: float) -> None:
    if peak > MEMORY:
        raise HarnessError(f"the operator took {peak:.0f} MB, and the chart allows {MEMORY:.0f}")


async def _await_right(server: Client) -> None:
    """Until the namespace is as the specs say."""
    seen = ["not looked yet"]
    try:
        async with asyncio.timeout(120):
            while seen := await _wrong(server):
                await asyncio.sleep(LOOK)
    except TimeoutError:
        raise HarnessError(f"not converged: {seen[:5]}") from None


async def _wrong(server: Client) -> list[str]:
    found = [body for kind in MADE for body in await scene.every(server, kind, objects.LOOP)]
    return wrong(await scene.every(server, MAIL_STACK, objects.LOOP), found)


def wrong(stacks: Sequence[Object], made: Sequence[Object]) -> list[str]:
    """What is missing or left over of what these MailStacks want, has another content, or is not reported yet."""
    wanted = {_key(child): child for body in stacks for child in children.children(topology.decide(parse(body)))}
    found = {_key(body): body for body in made}
    late = [f"{_key(body)} has no status of its generation" for body in stacks if not _is_observed(body)]
    both = wanted.keys() & found.keys()
    other = [f"{key} has another content" for key in both if found[key].get("data") != wanted[key].get("data")]
    return [*late, *sorted(found.keys() ^ wanted.keys()), *other]


def _is_observed(body: Object) -> bool:
    return number(section(body, "status"), "observedGeneration") == number(section(body, "metadata"), "generation")


def _key(body: Object) -> str:
    ref = ref_of(body)
    return f"{ref.kind} {ref.name}"


async def _versions(server: Client) -> dict[str, str]:
    """The resourceVersion of each object."""
    bodies = [body for kind in (MAIL_STACK, *MADE) for body in await scene.every(server, kind, objects.LOOP)]
    return {_key(body): text(section(body, "metadata"), "resourceVersion") for body in bodies}
