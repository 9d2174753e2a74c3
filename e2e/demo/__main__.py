"""From a bare machine to a delivered message, step by step, as a user would do it.

Run twice it works twice: everything is applied, nothing is created only once.
"""

import secrets
import signal
import sys
from collections.abc import Callable
from types import FrameType

from demo.screen import as_is, show, step
from harness import cluster, images, lock, paths
from harness.errors import HarnessError
from harness.step import Report, clear_scratch
from mailtest import explain, manifests, release
from mailtest.client import Client, Letter, body_of, letter
from mailtest.kubectl import Kubectl
from mailtest.stack import Stack
from mailtest.wait import until

NAMESPACE = "mailstack-demo"
EXAMPLES = paths.repository() / "examples"
ALICE, PASSWORD = manifests.address("alice"), "alice-sample"
NOBODY = manifests.address("nobody")
# What tells a message's way, in the order in which it stands at the top of the message.
PATH_HEADERS = ("return-path:", "delivered-to:", "received:", "subject:")

STACK = Stack(NAMESPACE)
CLIENT = Client(NAMESPACE)


def main() -> int:
    """0 when the message was delivered and the unknown recipient refused; else 1, and where to look."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        prepare()
        install()
        apply_examples()
        deliver()
        refuse()
        finish()
    except HarnessError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except AssertionError as error:
        print(f"\nThe demo stopped: {error}\nEverything there is to see: {_write_log()}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted: run it again, it goes on where it stopped", file=sys.stderr)
        return 130
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _write_log() -> str:
    """The path of a file that holds the state of the demo's namespace and the operator's log."""
    path = paths.logs() / "demo.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{explain.namespace(NAMESPACE)}\n{explain.namespace(release.NAMESPACE)}\n")
    return str(path)


def prepare() -> None:
    with lock.exclusive(), step("A Kubernetes cluster on this machine"):
        clear_scratch()
        _harness(cluster.ensure)
    with lock.exclusive(), step("The images of Postfix, Dovecot and the operator"):
        _harness(images.ensure)


def _harness(work: Callable[[Report], None]) -> None:
    """Show what the harness does; of what it had done before, only how many steps that were."""
    report = Report(say=lambda line: None if _CACHED in line else as_is(line))
    work(report)
    done = sum(outcome.result == "cached" for outcome in report.outcomes)
    show(f"{done} of {len(report.outcomes)} steps were done already")


_CACHED = " cached "


def install() -> None:
    with step(f"The operator: helm upgrade --install {release.RELEASE} charts/{release.CHART.name}"):
        release.install()
        as_is(release.KUBECTL("get", "deployment", release.RELEASE))


def apply_examples() -> None:
    with step(f"A mail server: kubectl -n {NAMESPACE} apply -f examples/mailstack.yaml -f examples/users.yaml"):
        as_is((EXAMPLES / "mailstack.yaml").read_text())
        Kubectl().apply(manifests.namespace(NAMESPACE))
        files = (f"--filename={EXAMPLES / name}" for name in ("mailstack.yaml", "users.yaml"))
        as_is(STACK.kubectl("apply", *files))
        wait_with_progress()


def wait_with_progress() -> None:
    """Wait until the MailStack is Ready; each new status message is shown once."""
    shown = ""

    def look() -> bool:
        nonlocal shown
        ready = STACK.condition("Ready")
        message = ready.get("message", "waiting for the operator to see it")
        if message != shown:
            show(f"... {message}")
            shown = message
        return ready.get("status") == "True"

    until(f"MailStack {STACK.name} is Ready", look, 180)


def deliver() -> None:
    message = letter(ALICE, f"demo-{secrets.token_hex(4)}", b"Postfix received me, Dovecot stored me.\r\n")
    with step("A mail client, as a pod of the cluster"):
        CLIENT.start()
        show(f"pod client of namespace {NAMESPACE} speaks to {STACK.host}")
    with step(f"A message for {ALICE} goes in over SMTP, port 25"):
        reply = CLIENT.send(STACK.host, message)[0]
        assert reply.code == 250, f"Postfix refused it: {reply}"
        show(f"Postfix: {reply}")
    with step("The same message comes out over IMAP, port 143"):
        show(path_of(until("the message is in the INBOX", lambda: _find(message), 60)))


def _find(message: Letter) -> bytes:
    """The message as it stands in the INBOX; b"" while it does not."""
    inbox = CLIENT.fetch(STACK.host, ALICE, PASSWORD)
    return next((each for each in inbox if each.endswith(message.data)), b"")


def path_of(message: bytes) -> str:
    """The headers that tell the message's way, and its body."""
    head = message.partition(b"\r\n\r\n")[0].decode()
    headers = head.replace("\r\n\t", " ").replace("\r\n ", " ").splitlines()
    path = [" ".join(line.split()) for line in headers if line.lower().startswith(PATH_HEADERS)]
    return "\n".join([*path, body_of(message).decode().strip()])


def refuse() -> None:
    with step(f"An unknown recipient, {NOBODY}, is refused: Postfix asked Dovecot over LMTP"):
        reply = CLIENT.ask(STACK.host, NOBODY)[0]
        assert str(reply).startswith("550 5.1.1 "), f"wanted 550 5.1.1, got {reply}"
        show(f"Postfix: {reply}")
        show("and in its log (kubectl logs mail-0 -c postfix):")
        show(until("Postfix logged the refusal", _refusal, 10))


def _refusal() -> str:
    lines = [line for line in STACK.log("postfix") if f"550 5.1.1 <{NOBODY}>" in line]
    return lines[-1] if lines else ""


def finish() -> None:
    with step(f"kubectl -n {NAMESPACE} get mailstack"):
        as_is(STACK.kubectl("get", "mailstack"))
    print(NEXT)


NEXT = f"""
 What to try next

     eval "$(PYTHONPATH=e2e python3 -m harness env)"                  this cluster, in your shell
     kubectl -n {NAMESPACE} get mailstack -o wide                  where mail is received, and what is going on
     kubectl -n {NAMESPACE} logs mail-0 -c postfix --follow        then run make demo again, and watch
     kubectl -n {NAMESPACE} delete service mail                    it is back before you can look
     kubectl -n {NAMESPACE} edit secret mail-users                 add a user: no restart, 90 s at most
     kubectl -n {NAMESPACE} edit mailstack mail                    add a domain; or a mistake, and read the answer
     make down                                                        remove the cluster; caches stay
"""

if __name__ == "__main__":
    sys.exit(main())
