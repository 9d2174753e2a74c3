"""The edge: Kopf watches MailStacks, this notes what it saw. The only file that imports `kopf`.

Handlers do nothing but hand the event on: no finalizers, no annotations, nothing written.
"""

import asyncio
import itertools
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Literal, cast

import kopf

from mailstack_operator.edge.settings import Settings
from mailstack_operator.kube.kinds import MAIL_STACK
from mailstack_operator.kube.objects import Object
from mailstack_probe import trust

# "listed": the object was in the list that Kopf read, at the start or after a watch was cut off.
What = Literal["listed", "changed", "gone"]
Sink = Callable[[What, Object], None]

_WHAT: dict[str | None, What] = {None: "listed", "DELETED": "gone"}

# A watch is restarted at least this often, in seconds; Kopf's time without any event is 70 s.
_WATCH_SECONDS = 300
_CONNECT_SECONDS = 10
# The longest pause before a request that failed is sent again, in seconds.
_RETRY_SECONDS = 5.0


class _Backoffs:
    """Seconds before each further try. Without an end: Kopf's own pauses grow to 21 s, and then its operator ends."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((1.0, 2.0), itertools.repeat(_RETRY_SECONDS))


class _NoDiffBase(kopf.DiffBaseStorage):
    """Nothing is compared with earlier states: Kopf need not copy every body to do it."""

    def build(self, **_: object) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: object) -> None:
        return None

    def store(self, **_: object) -> None:
        return None


def watch(sink: Sink, settings: Settings, stop: threading.Event) -> None:
    """Hands every event of MailStacks to `sink` until `stop` is set; runs in a thread, and so does `sink`. What exists
    already comes first, as events too."""
    operator = kopf.operator(
        registry=_registry(sink),
        settings=_kopf_settings(),
        standalone=True,
        # Otherwise Kopf asks for the user's name, and a uid in a container has none.
        identity=settings.identity,  # type: ignore[arg-type]  # a NewType of str that Kopf does not export
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
        stop_flag=stop,
    )
    asyncio.run(operator)


def _registry(sink: Sink) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    async def note(event: kopf.RawEvent, **_: object) -> None:
        sink(_WHAT.get(event["type"], "changed"), cast(Object, event["object"]))

    kind = MAIL_STACK
    kopf.on.event(kind.group, kind.version, kind.plural, registry=registry, id=kind.plural)(note)
    kopf.on.login(registry=registry, id="login")(_login)
    return registry


class _Login(kopf.ConnectionInfo):
    """Trusts the API server as kubectl does."""

    def as_ssl_context(self) -> ssl.SSLContext:
        context = super().as_ssl_context()
        trust.loosen(context)
        return context


async def _login(settings: kopf.OperatorSettings, **_: object) -> kopf.ConnectionInfo | None:
    found = kopf.login_with_service_account(settings=settings) or kopf.login_with_kubeconfig(settings=settings)
    return _Login(**vars(found)) if found else None


def _kopf_settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.queueing.idle_timeout = 1.0
    # A stop does not wait for workers that are idle: a handler only hands its event on.
    settings.queueing.exit_timeout = 0.1
    settings.watching.server_timeout = _WATCH_SECONDS
    settings.watching.client_timeout = _WATCH_SECONDS + 30
    settings.watching.connect_timeout = _CONNECT_SECONDS
    settings.watching.chunk_size = 100
    settings.networking.error_backoffs = _Backoffs()
    return settings
