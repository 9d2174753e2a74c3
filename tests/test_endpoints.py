"""What a kubelet and Prometheus get to hear."""

import socket

import aiohttp
import pytest

from mailstack_operator.edge import endpoints, metrics


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


async def get(path: str, *, ready: bool = True) -> tuple[int, str]:
    port = free_port()
    timeout = aiohttp.ClientTimeout(total=5)
    async with (
        endpoints.serve(port, lambda: ready),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}", timeout=timeout) as session,
        session.get(path) as response,
    ):
        return response.status, await response.text()


async def test_a_running_operator_is_alive_even_before_it_is_ready() -> None:
    assert await get("/healthz", ready=False) == (200, "ok\n")


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
async def test_it_is_ready_once_the_cluster_has_been_read(ready: bool, status: int) -> None:
    assert (await get("/readyz", ready=ready))[0] == status


async def test_runs_and_failures_are_counted() -> None:
    meter = metrics.QueueMeter()
    before = (await get("/metrics"))[1]
    meter.depth(3)
    meter.ran(0.2, 0.1, failed=True)
    after = (await get("/metrics"))[1]
    assert "mailstack_reconcile_queue_depth 3.0" in after
    assert sample(after, 'mailstack_reconcile_total{result="error"}') == 1 + sample(
        before, 'mailstack_reconcile_total{result="error"}'
    )
    assert "_created" not in after


def sample(text: str, name: str) -> float:
    return float(next(line for line in text.splitlines() if line.startswith(name)).split()[-1])
