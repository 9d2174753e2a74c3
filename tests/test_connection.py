"""How the operator asks the API server: credentials, refusals, time-outs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mailstack_operator.edge.connection import Connection, needs_environment, new_session
from mailstack_operator.edge.refusals import Conflict, NotFound
from mailstack_operator.kube.objects import Object
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
    async with TestServer(app) as server, new_session() as session:
        yield Connection(session, f"{server.make_url('/')}", credentials, seconds)


async def begun(request: web.Request, *pieces: bytes) -> web.StreamResponse:
    """An answer that may go on after these pieces."""
    response = web.StreamResponse()
    await response.prepare(request)
    for piece in pieces:
        await response.write(piece)
    return response


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
        response = await begun(request, b'{"items": [')
        while not request.transport or not request.transport.is_closing():  # the client gives up
            await response.write(b" ")
        return response

    async with connected(handler, [None], seconds=0.2) as connection:
        with pytest.raises(ClusterError, match="no answer in"):
            await connection.request("GET", SERVICES)


async def read(connection: Connection, seen: list[Object], silence: float = 5.0) -> list[Object]:
    """`seen` has each line as soon as it is there."""
    async for line in connection.stream(SERVICES, {"watch": "true"}, "application/json", silence):
        seen += [line]
    return seen


async def test_a_stream_gives_each_line_until_the_server_ends_it() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.query["watch"] == "true"
        return await begun(request, b'{"type": "ADDED"}\n{"type": ', b'"MODIFIED"}\n')

    async with connected(handler, [None]) as connection:
        assert await read(connection, []) == [{"type": "ADDED"}, {"type": "MODIFIED"}]


async def test_a_line_may_be_as_long_as_an_object() -> None:
    """An object has up to 1.5 MB; aiohttp reads lines of 128 KB unless it is told otherwise."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=b'{"data": "' + 1_500_000 * b"x" + b'"}\n')

    async with connected(handler, [None]) as connection:
        (line,) = await read(connection, [])
        assert len(str(line["data"])) == 1_500_000


async def test_a_stream_that_is_refused_is_a_refusal() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"message": "too old resource version"}, status=410)

    async with connected(handler, [None]) as connection:
        with pytest.raises(ClusterError, match="too old resource version") as refusal:
            await read(connection, [])
    assert refusal.value.status == 410


async def test_a_stream_that_falls_silent_is_given_up() -> None:
    """Each line starts the time again."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = await begun(request, b'{"type": "ADDED"}\n')
        await asyncio.Event().wait()
        return response

    seen: list[Object] = []
    async with connected(handler, [None]) as connection:
        with pytest.raises(ClusterError, match="no answer in time"):
            await read(connection, seen, silence=0.2)
    assert seen == [{"type": "ADDED"}]


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
