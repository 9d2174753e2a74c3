"""The operator's memory: later states win, what is gone is dropped, nothing else is kept."""

import pytest

from mailstack_operator.kube import names
from mailstack_operator.kube.kinds import POD, SERVICE
from mailstack_operator.kube.metadata import live_of, ref_of
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import Object, section
from mailstack_operator.loop import stack_state
from mailstack_operator.loop.stack_state import Status
from mailstack_operator.loop.store import Store
from tests.fake_cluster import pod
from tests.stacks import body, stack

KEY = StackKey("post", "mail")
SERVICE_OF_MAIL: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "mail", "namespace": "post", "labels": {**names.labels("mail")}},
}


def at(version: int, found: Object) -> Object:
    metadata = found["metadata"]
    assert isinstance(metadata, dict)
    return {**found, "metadata": {**metadata, "resourceVersion": str(version)}}


def test_an_older_state_does_not_overwrite_a_later_one() -> None:
    store = Store()
    store.note(at(20, body({"spec.hostname": "new.example.org"})))
    store.note(at(10, body({"spec.hostname": "old.example.org"})))
    seen = store[KEY].stack
    assert seen is not None
    assert seen.stack == stack({"spec.hostname": "new.example.org"})


def test_a_list_drops_what_is_no_longer_there() -> None:
    """A watch that was cut off does not tell of a deletion."""
    store = Store()
    store.note(at(10, body()))
    store.note(at(11, pod()))
    assert store.retain(POD, "", set(), as_of=30) == {KEY}
    assert store[KEY].pods == {}
    assert store.stacks() == [KEY]


def test_a_list_does_not_drop_what_came_after_it() -> None:
    store = Store()
    store.note(at(10, body()))
    store.note(at(31, pod()))
    assert store.retain(POD, "", set(), as_of=30) == set()
    assert set(store[KEY].pods) == {"mail-0"}


def test_a_list_says_nothing_of_another_kind_or_namespace() -> None:
    store = Store()
    store.note(at(11, pod()))
    store.retain(SERVICE, "", set(), as_of=30)
    store.retain(POD, "other", set(), as_of=30)
    assert set(store[KEY].pods) == {"mail-0"}
    store.retain(POD, "post", {POD.ref("post", "mail-0")}, as_of=30)
    assert set(store[KEY].pods) == {"mail-0"}


def test_what_changes_nothing_that_is_kept_is_no_news() -> None:
    """The watch after the answer to our own write, or a controller's write of what does not matter here."""
    store = Store()
    assert store.note(at(10, body())) == KEY
    assert store.note(at(10, body())) is None
    assert store.note(at(11, body())) is None
    assert store.note(at(12, body({"status.endpoint": "mail.post.svc:25"}))) == KEY
    assert store.note(at(20, pod())) == KEY
    assert store.note(at(21, pod())) is None
    assert store.note(at(22, pod(ready=False))) == KEY


def test_nothing_is_kept_of_a_mailstack_that_is_gone() -> None:
    store = Store()
    for found in (body(), pod()):
        store.note(found)
    for found in (body(), pod()):
        store.forget(found)
    assert (store.stacks(), store._seen, store._versions) == ([], {}, {})


def test_the_answer_to_a_late_write_does_not_bring_back_what_is_gone() -> None:
    """The status was written, the MailStack deleted; the watch told of that before the write's answer arrived."""
    store = Store()
    store.note(at(10, body()))
    store.forget(at(12, body()))
    store.note(at(11, body()))
    assert store.stacks() == []


def test_a_deletion_that_is_told_late_does_not_take_what_was_made_since() -> None:
    """Fault: a list had shown the new MailStack; nobody followed it until somebody changed it."""
    store = Store()
    store.note(at(10, body()))
    store.note(at(14, body({"metadata.uid": "the-new-one"})))
    store.forget(at(12, body()))
    assert store.stacks() == [KEY]


def test_an_object_that_the_operator_cannot_read_is_told_as_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault: one exception ended the watch, or the operator, again and again."""

    def fail(_: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(stack_state, "parse", fail)
    store = Store()
    store.note(at(10, body()))
    found = store[KEY].stack
    assert found is not None
    assert found.stack is None
    assert "a bug" in found.problems[0]


def test_nor_after_a_list_that_shows_that_it_is_gone() -> None:
    store = Store()
    store.note(at(10, pod()))
    store.retain(POD, "", set(), as_of=12)
    store.forget_tombstones()
    store.note(at(11, pod()))
    assert store[KEY].pods == {}


def test_what_is_created_again_is_known_at_once() -> None:
    store = Store()
    store.note(at(10, body()))
    store.forget(at(12, body()))
    store.note(at(13, body()))
    assert store.stacks() == [KEY]


def test_the_memory_of_what_is_gone_ends() -> None:
    store = Store()
    store.forget(at(12, body()))
    for _ in range(2):
        store.forget_tombstones()
    assert (store._gone, store._gone_before) == ({}, {})


def test_looking_keeps_nothing() -> None:
    store = Store()
    assert store[KEY].empty
    assert store._seen == {}


def test_a_spec_is_parsed_once() -> None:
    """A status that changes is a new version of the object, and no new spec."""
    store = Store()
    store.note(at(10, body()))
    before = store[KEY].stack
    store.note(at(11, body({"status.endpoint": "mail.post.svc:25"})))
    after = store[KEY].stack
    assert before is not None
    assert after is not None
    assert after.stack is before.stack
    assert after.status.endpoint == "mail.post.svc:25"


def test_an_invalid_mailstack_is_kept_as_its_problems() -> None:
    store = Store()
    store.note(body({"spec.domains": []}))
    seen = store[KEY].stack
    assert seen is not None
    assert (seen.stack, [problem.split(":")[0] for problem in seen.problems]) == (None, ["spec.domains"])


def test_the_echo_of_a_write_is_no_news_before_its_answer() -> None:
    store = Store()
    service = at(10, SERVICE_OF_MAIL)
    with store.writing(ref_of(service)):
        assert store.note(service) is None
        store.note_child(KEY, live_of(service))
    assert not store.take_overtaken(KEY)
    assert store.note(at(11, {**service, "metadata": {**section(service, "metadata"), "labels": {}}})) is not None


def test_who_changes_a_child_right_after_our_write_is_noticed() -> None:
    """Its event may come before the answer to ours."""
    store = Store()
    ours, theirs = at(10, SERVICE_OF_MAIL), at(11, SERVICE_OF_MAIL)
    with store.writing(ref_of(ours)):
        store.note(theirs)
        store.note_child(KEY, live_of(ours))
    assert store.take_overtaken(KEY)
    assert not store.take_overtaken(KEY)
    assert store[KEY].children[ref_of(ours)].version == 11


def test_the_echo_of_a_status_is_no_news_before_its_answer_and_a_spec_written_meanwhile_is() -> None:
    store, status = Store(), Status(observed_generation=1, endpoint="mail.post.svc:25")
    store.note(at(10, body()))
    with store.reporting(KEY, status):
        assert store.note(at(11, {**body(), "status": status.to_json()})) is None
        other = body({"spec.hostname": "new.example.org", "metadata.generation": 2})
        assert store.note(at(12, {**other, "status": status.to_json()})) == KEY
    assert store.note(at(13, {**other, "status": Status().to_json()})) == KEY


# What the answer to a status may tell of: what only we write is no news, also where it was not taken.
ANSWERS: dict[str, tuple[Object, bool]] = {
    "the status": ({}, False),
    "a part of the status": ({"status.endpoint": None}, False),
    "another spec": ({"spec.hostname": "new.example.org", "metadata.generation": 2}, True),
    "a report of a probe": ({"status.pods": [{"name": "mail-0", "uid": "a"}]}, True),
    "its deletion": ({"metadata.deletionTimestamp": "2026-01-02T03:04:05Z"}, True),
}


@pytest.mark.parametrize(("change", "is_overtaken"), ANSWERS.values(), ids=ANSWERS)
def test_what_others_changed_before_our_status_is_noticed(change: Object, is_overtaken: bool) -> None:
    """The answer tells of it, and the watch comes too late."""
    store, status = Store(), Status(observed_generation=1, endpoint="mail.post.svc:25")
    store.note(at(10, body()))
    answer = at(12, body({"status": status.to_json(), **change}))
    with store.reporting(KEY, status):
        store.note_reported(KEY, answer)
    assert (store.take_overtaken(KEY), store.note(answer)) == (is_overtaken, None)


def test_a_service_without_an_address_is_no_news_beside_its_creation() -> None:
    store = Store()
    with store.writing(ref_of(SERVICE_OF_MAIL)):
        store.note_child(KEY, live_of(at(10, SERVICE_OF_MAIL)))
    assert store.note(at(10, SERVICE_OF_MAIL)) is None
    status: Object = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    assert store.note(at(11, {**SERVICE_OF_MAIL, "status": status})) == KEY
