"""What people may do who are no cluster administrators, with the roles that the chart adds, and with kubectl alone."""

import json

import pytest

from conftest import NewNamespace
from mailtest import manifests
from mailtest.command import CommandError
from mailtest.kubectl import Kubectl, as_list

USERS = 5000


@pytest.fixture(scope="module")
def kubectl(new_namespace: NewNamespace) -> Kubectl:
    kubectl = new_namespace("people")
    for role in ("view", "edit", "admin"):
        kubectl("create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}or")
    kubectl.apply(manifests.mailstack("there", users={"passwdFile": {"secretName": "not-there"}}))
    return kubectl


def _apply_as(kubectl: Kubectl, person: str) -> str:
    stdin = as_list(manifests.mailstack("new"))
    return kubectl("apply", f"--as={person}", "--dry-run=server", "-f", "-", stdin=stdin)


@pytest.mark.parametrize("person", ["editor", "adminor"])
def test_who_may_edit_a_namespace_may_run_mail_in_it(kubectl: Kubectl, person: str) -> None:
    """Fault: nobody but a cluster administrator could use a MailStack."""
    assert "created (server dry run)" in _apply_as(kubectl, person)
    kubectl("delete", "mailstack", "there", f"--as={person}", "--dry-run=server")


def test_who_may_view_a_namespace_may_see_its_mailstacks(kubectl: Kubectl) -> None:
    assert json.loads(kubectl("get", "mailstack", "there", "--as=viewor", "-o", "json"))["spec"]["domains"]
    with pytest.raises(CommandError, match="forbidden"):
        _apply_as(kubectl, "viewor")


def test_nobody_may_write_the_status(kubectl: Kubectl) -> None:
    """Health checks believe it."""
    with pytest.raises(CommandError, match="forbidden"):
        kubectl(
            "patch",
            "mailstack",
            "there",
            "--as=adminor",
            "--subresource=status",
            "--type=merge",
            "-p",
            '{"status": {}}',
        )


def test_a_large_users_file_is_applied_by_the_server(kubectl: Kubectl) -> None:
    """Fault: `kubectl apply` of thousands of users fails by its annotation: docs/operations.md says how."""
    lines = (f"user{number}@example.org:{{SHA512-CRYPT}}$6$salt${'x' * 86}::::::" for number in range(USERS))
    large = as_list(manifests.secret("large", "\n".join(lines)))
    with pytest.raises(CommandError, match=r"metadata\.annotations: Too long"):
        kubectl("apply", "-f", "-", stdin=large)
    assert "serverside-applied" in kubectl("apply", "--server-side", "-f", "-", stdin=large)
