"""A cluster in memory, the operator's memory of it, and the loop."""

from collections.abc import Sequence

from mailstack_operator.api.conditions import CHECKS, Check
from mailstack_operator.kube import names
from mailstack_operator.kube.kinds import POD
from mailstack_operator.kube.metadata import HelperImage, Ref
from mailstack_operator.kube.names import API_VERSION, KIND, StackKey
from mailstack_operator.kube.objects import Json, Object, entries, section
from mailstack_operator.loop.reconcile import Reconciler
from mailstack_operator.loop.store import Store
from mailstack_operator.stack.images import BUILT_IN, ServerImages
from tests.fake_cluster import FakeCluster, settle
from tests.stacks import body

KEY = StackKey("post", "mail")
STACK = Ref(API_VERSION, KIND, "post", "mail")
MAIN_CF = Ref("v1", "ConfigMap", "post", "mail-postfix")
SERVICE = Ref("v1", "Service", "post", "mail")
PODS = Ref("apps/v1", "StatefulSet", "post", "mail")
REHEARSAL = Ref("v1", "Pod", "post", "mail-rehearsal")
NOW = "2026-01-02T03:04:05Z"


class World:
    """A cluster, the operator's memory of it, and the loop."""

    def __init__(self, name: str = "mail") -> None:
        self.key = StackKey("post", name)
        self.stack = Ref(API_VERSION, KIND, "post", name)
        self.cluster = FakeCluster()
        self.start()

    def start(
        self,
        image: str = "mailstack/operator:1",
        checks: Sequence[Check] = CHECKS,
        pull_secrets: Sequence[str] = (),
        server_images: ServerImages = BUILT_IN,
    ) -> None:
        """A new operator process, of this image and with these checks: it knows only what it reads."""
        self.store = Store()
        self.seconds = 0.0
        self.loop = Reconciler(
            self.cluster,
            self.store,
            helpers=HelperImage(image, tuple(pull_secrets)),
            server_images=server_images,
            checks=checks,
            now=lambda: NOW,
            clock=lambda: self.seconds,
        )
        self.cluster.watch(self.store)

    def change(self, changes: dict[str, Json] | None = None) -> None:
        """A person applies the MailStack; its status stays."""
        wanted = body({"metadata.name": self.key.name, **(changes or {})})
        status = self.cluster.objects.get(self.stack, {}).get("status")
        self.store.note(self.cluster.put({**wanted, "status": status} if status else wanted))

    async def run(self) -> float | None:
        self.cluster.writes.clear()
        return await self.loop.reconcile(self.key)

    async def settled(self) -> None:
        await self.run()
        settle(self.cluster, self.store)
        await self.run()
        self.cluster.watch(self.store)

    async def tried(self, phase: str, status: Object | None = None) -> list[str]:
        """A change is tried, with this outcome; what is written to the cluster then."""
        await self.run()
        rehearsal = self.cluster.objects[POD.ref(self.key.namespace, names.rehearsal(self.key.name))]
        self.store.note(self.cluster.put({**rehearsal, "status": {"phase": phase, **(status or {})}}))
        await self.run()
        return [write for write in self.cluster.writes if write != "status"]

    @property
    def status(self) -> dict[str, Json]:
        return dict(section(self.cluster.objects[self.stack], "status"))

    def condition(self, kind: str) -> dict[str, Json]:
        found = entries(self.status, "conditions")
        return dict(next((entry for entry in found if entry["type"] == kind), {}))
