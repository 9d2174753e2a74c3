"""A claim has one holder, whatever the containers in its pod are called."""

import pytest

from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.loop.claims import HeldClaim, claims_of
from mailstack_operator.loop.pod_state import pod_of
from mailstack_operator.loop.store import Seen
from tests import fake_cluster

SHARD = Ref("apps/v1", "StatefulSet", "post", "mail-dovecot-1")
MAIL = HeldClaim("mail-mail-1", SHARD)


def pod(stateful_set: str, *claims: str) -> Object:
    """The first pod of a StatefulSet, with volumes of these claims."""
    volumes: list[Json] = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]
    return {**fake_cluster.pod(stateful_set), "spec": {"volumes": [{"name": "tmp", "emptyDir": {}}, *volumes]}}


def stateful_set(*claims: str) -> Object:
    return {"spec": {"template": {"spec": pod("any", *claims)["spec"]}}}


def holder(*pods: Object) -> str | None:
    found = [pod_of(body) for body in pods]
    other = MAIL.other_holder(Seen(pods={each.name: each for each in found}))
    return other.name if other else None


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        ([], None),
        ([pod("mail-dovecot-1", "mail-mail-1")], None),
        ([pod("mail", "mail-mail-0", "queue-mail-0")], None),
        ([pod("mail-dovecot-1", "mail-mail-1"), pod("mail", "mail-mail-1")], "mail-0"),
    ],
    ids=["no pod", "its own pod", "a pod with other claims", "a pod of another StatefulSet"],
)
def test_who_else_holds_the_mail(pods: list[Object], expected: str | None) -> None:
    assert holder(*pods) == expected


def test_each_claim_has_its_statefulset() -> None:
    other = Ref("apps/v1", "StatefulSet", "post", "mail")
    wanted = {SHARD: stateful_set("mail-mail-1"), other: stateful_set()}
    assert claims_of(wanted) == [MAIL]


def test_two_statefulsets_never_share_a_claim() -> None:
    wanted = {Ref("apps/v1", "StatefulSet", "post", name): stateful_set("mail-mail-1") for name in ("a", "b")}
    with pytest.raises(ValueError, match="mail-mail-1"):
        claims_of(wanted)
