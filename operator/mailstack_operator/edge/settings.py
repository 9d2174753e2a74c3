"""How the operator runs: what its command line sets."""

from dataclasses import dataclass

from mailstack_operator.loop.rehearsal import PER_NODE
from mailstack_operator.stack.images import BUILT_IN, ServerImages
from mailstack_operator.stack.topology import DEFAULT_OPERATOR_IMAGE


@dataclass(frozen=True)
class Settings:
    """`namespaces` empty: all of them. Times are in seconds."""

    namespaces: tuple[str, ...] = ()
    watch_secrets: bool = True
    port: int = 8080
    leader_election: bool = True
    lease_namespace: str = "default"
    lease_name: str = "mailstack-operator"
    identity: str = "mailstack"
    workers: int = 8
    image: str = DEFAULT_OPERATOR_IMAGE
    pull_secrets: tuple[str, ...] = ()
    server_images: ServerImages = BUILT_IN
    rehearsals_per_node: int = PER_NODE
    request_timeout: float = 10.0
    resync: float = 600.0
