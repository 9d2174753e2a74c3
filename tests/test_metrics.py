"""What /metrics tells of the MailStacks: the conditions that the operator reported, of each that is there."""

from prometheus_client import generate_latest

from mailstack_operator.api.conditions import always_shown
from mailstack_operator.edge import metrics
from mailstack_operator.edge.metrics import REGISTRY
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.loop.store import Store
from tests.stacks import body


def ready(status: str, reason: str, generation: int = 1) -> Object:
    return {"type": "Ready", "status": status, "reason": reason, "observedGeneration": generation}


# As of a new MailStack: seven conditions.
NOTHING_YET: dict[str, Json] = {
    "status.conditions": [
        {"type": kind, "status": "Unknown", "reason": "NoPod", "observedGeneration": 1}
        for kind in (*always_shown(), "Reconciling")
    ]
}


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


def test_what_is_false_is_shown_with_its_reason() -> None:
    with metrics.leading(store_of(ready("False", "InvalidSpec"))):
        assert scrape() == [
            'mailstack_conditions{status="false",type="Ready"} 1.0',
            'mailstack_condition{mailstack="mail",namespace="post",status="true",type="Ready"} 0.0',
            'mailstack_condition{mailstack="mail",namespace="post",status="false",type="Ready"} 1.0',
            'mailstack_condition_reason{mailstack="mail",namespace="post",reason="InvalidSpec",type="Ready"} 1.0',
        ]


def test_of_what_is_well_there_is_one_sample_of_ready() -> None:
    """The rest is in the totals."""
    reached = {**ready("True", "Reachable"), "type": "LMTPReachable"}
    with metrics.leading(store_of(ready("True", "Running"), reached)):
        assert scrape() == [
            'mailstack_conditions{status="true",type="LMTPReachable"} 1.0',
            'mailstack_conditions{status="true",type="Ready"} 1.0',
            'mailstack_condition{mailstack="mail",namespace="post",status="true",type="Ready"} 1.0',
        ]


def test_that_the_operator_is_at_work_needs_no_attention() -> None:
    at_work = {**ready("True", "Progressing"), "type": "Reconciling"}
    with metrics.leading(store_of(ready("False", "Progressing"), at_work)):
        assert 'mailstack_condition{mailstack="mail",namespace="post",status="true",type="Ready"} 0.0' in scrape()
        assert not any("reason" in line for line in scrape())


def test_a_scrape_of_a_thousand_mailstacks_is_small() -> None:
    store = Store()
    for number in range(1000):
        store.note(body({"metadata.name": f"mail-{number:05}", "metadata.namespace": "production", **NOTHING_YET}))
    with metrics.leading(store):
        assert len(generate_latest(REGISTRY)) < 200_000


def test_a_mailstack_that_nobody_looked_at_is_not_silent() -> None:
    with metrics.leading(store_of()):
        which = 'mailstack="mail",namespace="post"'
        assert f'mailstack_condition_reason{{{which},reason="NotReported",type="Ready"}} 1.0' in scrape()
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
