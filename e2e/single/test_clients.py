"""What people's mail programs find: their folders, and a session for each of them."""

from concurrent.futures import Future

from mailtest import manifests
from mailtest.client import Client
from mailtest.kubectl import Object
from mailtest.stack import Stack
from mailtest.wait import until
from mailtest.wire import Endpoint
from single.conftest import CONNECTIONS

USERS = [manifests.address(user) for user in manifests.USERS]
# A TLS handshake and a login for each, on a busy machine.
FILLED_SECONDS = 180.0
TOLD_SECONDS = 120.0


def imaps(stack: Stack, user: str = USERS[0]) -> Endpoint:
    return Endpoint(stack.host, security="tls", user=user, password=manifests.PASSWORD)


def test_a_new_mailbox_has_the_folders_that_mail_programs_look_for(stack: Stack, client: Client) -> None:
    """Promise: nobody has to create Sent or Junk, and each program finds it by its special use (RFC 6154)."""
    found = client.folders(imaps(stack), USERS[3], manifests.PASSWORD)
    assert found == {name: f"\\{name}" for name in ("Drafts", "Sent", "Trash", "Junk", "Archive")}


def test_what_doveconf_warns_of_is_told_and_stops_nothing(stack: Stack) -> None:
    """Fault: `default_process_limit = 400` was refused, because doveconf warned of it."""
    conditions = stack.conditions()
    assert conditions["Ready"]["status"] == "True"
    assert "client_limit" in conditions["Warnings"]["message"]


def test_a_full_imap_is_told_and_so_is_its_end(stack: Stack, client: Client) -> None:
    """Fault: the 101st session with TLS got no greeting, and the MailStack was Ready.

    Mail for the users is taken meanwhile.
    """
    stack.wait_ready()
    with client.crowd(imaps(stack), USERS, CONNECTIONS, FILLED_SECONDS + TOLD_SECONDS) as crowd:
        told = until("it is full", lambda: _told(stack, crowd), FILLED_SECONDS)
        assert f"all {CONNECTIONS} sessions of IMAP are in use" in told["message"]
        assert client.ask(stack.host, USERS[0])[0].code == 250
        stack.run_in("dovecot", "doveadm", "kick", USERS[0])
        assert crowd.result() == CONNECTIONS
    stack.wait_condition("ClientsReachable", "True", "Serving", TOLD_SECONDS)
    stack.wait_ready()


def _told(stack: Stack, crowd: Future[int]) -> Object:
    """The condition, by a status that does not say Ready; raises what became of a crowd that did not get in."""
    if crowd.done():
        crowd.result()
    conditions = stack.conditions()
    found = conditions["ClientsReachable"]
    assert (found["status"], found["reason"]) == ("False", "ConnectionsExhausted"), found
    assert conditions["Ready"]["status"] != "True"
    return found
