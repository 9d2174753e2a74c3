"""What the API server's refusals mean, whatever its words."""

import pytest

from mailstack_operator.edge.refusals import Conflict, Invalid, NotFound, decode, refusal_of
from mailstack_operator.kube.objects import Object
from mailstack_operator.loop.errors import ClusterError

STATUS = "PATCH /apis/mailstack.dev/v1alpha1/namespaces/post/mailstacks/mail/status"
GONE: Object = {
    "message": 'mailstacks.mailstack.dev "mail" not found',
    "details": {"name": "mail", "kind": "mailstacks"},
}


@pytest.mark.parametrize(
    ("status", "expected"), [(404, NotFound), (409, Conflict), (422, Invalid), (403, ClusterError), (500, ClusterError)]
)
def test_each_status_has_its_error(status: int, expected: type[ClusterError]) -> None:
    error = refusal_of(status, {"message": "no"}, "GET /api/v1/pods")
    assert (type(error), str(error), error.status) == (expected, "no", status)


def test_an_object_that_is_gone_is_told_in_the_servers_words() -> None:
    assert str(refusal_of(404, GONE, STATUS)) == GONE["message"]


def test_a_path_that_is_not_served_asks_for_the_crd() -> None:
    """The API server answers in plain text: no handler of its own knows the path."""
    answer = decode(404, b"404 page not found\n")
    assert "install the CRD" in str(refusal_of(404, answer, STATUS))


def test_a_refusal_without_words_names_the_request() -> None:
    assert str(refusal_of(503, decode(503, b""), STATUS)) == f"{STATUS}: 503"


def test_a_success_that_is_no_json_is_an_error() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        decode(200, b"<html>")
