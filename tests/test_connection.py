"""How the operator asks the API server: credentials, refusals, time-outs."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mailstack_operator.edge.connection import Connection, needs_environment
from mailstack_operator.edge.refusals import Conflict, NotFound
from mailstack_operator.loop.errors import ClusterError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SERVICES = "/api/v1/namespaces/post/services"


@asynccontextmanager
async def connected(handler: Handler, tokens: list[str | None], seconds: float = 5.0) -> AsyncIterator[Connection]:
    """To a server with this one handler; the tokens are used up, one a request."""

    async def credentials() -> str | None:
        return tokens.pop(0)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        yield Connection(session, f"{server.make_url('/')}", credentials, seconds)


async def test_each_request_has_the_newest_token() -> None:
    """The kubelet renews the token of a pod; the old one is refused an hour later."""
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.json_response({})

    async with connected(handler, ["bearer old", "bearer new", None]) as connection:
        for _ in range(3):
            await connection.request("GET", SERVICES)
    assert seen == ["bearer old", "bearer new", None]


async def test_a_request_arrives_as_it_was_meant() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response(
            {
                "method": request.method,
                "query": dict(request.query),
                "content": request.headers["Content-Type"],
                "accept": request.headers["Accept"],
                "body": await request.json(),
            }
        )

    async with connected(handler, [None]) as connection:
        answer = await connection.request(
            "PATCH",
            f"{SERVICES}/mail",
            query={"fieldSelector": "regarding.kind=StatefulSet,regarding.name=mail", "force": "true"},
            body={"data": "ü"},
            content="application/apply-patch+yaml",
            accept="application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        )
    assert answer == {
        "method": "PATCH",
        "query": {"fieldSelector": "regarding.kind=StatefulSet,regarding.name=mail", "force": "true"},
        "content": "application/apply-patch+yaml",
        "accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        "body": {"data": "ü"},
    }


@pytest.mark.parametrize(("status", "error"), [(404, NotFound), (409, Conflict), (500, ClusterError)])
async def test_a_refusal_is_told_verbatim(status: int, error: type[ClusterError]) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"message": "not today"}, status=status)

    async with connected(handler, [None]) as connection:
        with pytest.raises(error, match="not today") as refusal:
            await connection.request("GET", SERVICES)
    assert refusal.value.status == status


async def test_an_answer_that_breaks_off_is_no_answer() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(text='{"metadata": ')

    async with connected(handler, [None]) as connection:
        with pytest.raises(ClusterError, match=f"GET {SERVICES}: ") as refusal:
            await connection.request("GET", SERVICES)
    assert refusal.value.status == 0


async def test_a_server_that_is_silent_is_given_up() -> None:
    """Also in the middle of an answer."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"items": [')
        while not request.transport or not request.transport.is_closing():  # the client gives up
            await response.write(b" ")
        return response

    async with connected(handler, [None], seconds=0.2) as connection:
        with pytest.raises(ClusterError, match="no answer in"):
            await connection.request("GET", SERVICES)


@pytest.mark.parametrize(
    ("variables", "needed"),
    [({}, False), ({"no_proxy": "example.org"}, False), ({"https_proxy": "http://proxy.example.org:3128"}, True)],
)
def test_the_environment_is_read_for_a_proxy_alone(
    variables: dict[str, str], needed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ws_proxy", "wss_proxy", "ftp_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert needs_environment() is needed
