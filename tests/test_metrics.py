"""What /metrics tells of the MailStacks: the conditions that the operator reported, of each that is there."""

from prometheus_client import generate_latest

from mailstack_operator.edge import metrics
from mailstack_operator.edge.metrics import REGISTRY
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.loop.store import Store
from tests.stacks import body


def ready(status: str, reason: str, generation: int = 1) -> Object:
    return {"type": "Ready", "status": status, "reason": reason, "observedGeneration": generation}


def store_of(*conditions: Json) -> Store:
    """A store with one MailStack, whose status has these conditions."""
    store = Store()
    store.note(body({"status.conditions": list(conditions)}))
    return store


def shown(store: Store) -> list[tuple[str, str, str, str]]:
    """MailStack, type, status and reason."""
    return [(str(key), each.type, each.status, each.reason) for key, each in metrics.conditions(store)]


def scrape() -> list[str]:
    return [line for line in generate_latest(REGISTRY).decode().splitlines() if line.startswith("mailstack_condition")]


def test_each_status_of_a_condition_is_a_sample_and_one_of_them_holds() -> None:
    with metrics.leading(store_of(ready("False", "InvalidSpec"))):
        assert scrape() == [
            'mailstack_condition{mailstack="mail",namespace="post",status="true",type="Ready"} 0.0',
            'mailstack_condition{mailstack="mail",namespace="post",status="false",type="Ready"} 1.0',
            'mailstack_condition{mailstack="mail",namespace="post",status="unknown",type="Ready"} 0.0',
            'mailstack_condition_reason{mailstack="mail",namespace="post",reason="InvalidSpec",type="Ready"} 1.0',
        ]


def test_a_mailstack_that_nobody_looked_at_is_not_silent() -> None:
    assert shown(store_of()) == [("post/mail", "Ready", "Unknown", "NotReported")]


def test_what_was_said_of_an_earlier_generation_is_unknown_now() -> None:
    store = store_of(ready("True", "Running", generation=0))
    assert shown(store) == [("post/mail", "Ready", "Unknown", "NotReported")]


def test_a_deleted_mailstack_leaves_nothing_behind() -> None:
    """Else the operator's memory would grow with every MailStack that ever was."""
    store = store_of(ready("True", "Running"))
    with metrics.leading(store):
        assert scrape()
        store.forget(body())
        assert not scrape()


def test_only_the_leader_shows_conditions() -> None:
    """Else two replicas would count each MailStack twice."""
    with metrics.leading(store_of(ready("True", "Running"))):
        assert "mailstack_leader 1.0" in generate_latest(REGISTRY).decode()
    assert not scrape()
    assert "mailstack_leader 0.0" in generate_latest(REGISTRY).decode()
