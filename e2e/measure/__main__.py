"""Makes Dovecot's end and its freezing many times over, and prints how long each takes to be in the status.

    make measure

Needs the cluster, in which it installs the operator, and a machine that does nothing else: it says how busy that was.
Ends with 1 if a 95th percentile is over its limit, or the status was True for longer than that while Dovecot did not
answer.
"""

import argparse
import os
import random
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from mailtest import faults, manifests, node, release
from mailtest.kubectl import Kubectl
from mailtest.stack import Stack
from mailtest.wait import until
from measure import control, times
from measure.timeline import Timeline, reader, watch

# The promises, in seconds.
KILLED, FROZEN, RECOVERED = 3.0, 5.0, 3.0
# The kubelet waits 0, 10, 20, 40 s before it starts a container of the same pod again.
KILLS_OF_A_POD = 2
# A probe writes eight changes at once, and one more each 5 s: a fault makes up to four. A killed Dovecot takes ten
# seconds and more to come back, a thawed one none.
REST_OF_KILLED, REST_OF_FROZEN = 10.0, 20.0
LIMIT = 120.0


@dataclass
class Finding:
    """The seconds until the fault was told, and its end; when the status was wrong, and by how many questions."""

    told: list[float] = field(default_factory=list)
    well: list[float] = field(default_factory=list)
    wrong: list[times.Wrong] = field(default_factory=list)
    questions: int = 0


@dataclass(frozen=True)
class Watched:
    """A stack whose status and whose Dovecot are watched."""

    stack: Stack
    status: Timeline[str]
    control: Timeline[bool]

    def fault(self, make: Callable[[], None], mend: Callable[[], None], found: Finding) -> None:
        """One run: the fault, and its end. Counted from before the command that makes it."""
        began = time.time()
        make()
        told = self.status.wait("False", began, LIMIT)
        found.told.append(told - began)
        mend()
        failed = self.control.wait(wanted=False, after=began, seconds=LIMIT)
        back = self.control.wait(wanted=True, after=max(failed, told), seconds=LIMIT)
        found.well.append(max(self.status.wait("True", told, LIMIT) - back, 0.0))
        print(f"  {self.stack.namespace}: told {found.told[-1]:.2f} s, well {found.well[-1]:.2f} s", flush=True)


def main() -> int:
    """Both faults side by side, each on a stack of its own."""
    runs = _arguments().runs
    load = os.getloadavg()[0]
    release.install()
    with _namespace("killed") as first, _namespace("frozen") as second, ThreadPoolExecutor(2) as pool:
        killed, frozen = pool.submit(_killed, first, runs), pool.submit(_frozen, second, runs)
        return _tell(killed.result(), frozen.result(), load)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="measure", description="Measure how soon the status tells of faults.")
    parser.add_argument("--runs", type=int, default=20, help="of each fault")
    return parser.parse_args()


@contextmanager
def _namespace(word: str) -> Iterator[Stack]:
    """A MailStack that is Ready, in a namespace that is deleted in the end."""
    name = f"measure-{word}-{secrets.token_hex(3)}"
    Kubectl().apply(manifests.namespace(name))
    try:
        Kubectl(name).apply(manifests.users(), manifests.mailstack())
        stack = Stack(name)
        stack.wait_ready()
        yield stack
    finally:
        Kubectl()("delete", "namespace", name, "--wait=false")


@contextmanager
def _watched(stack: Stack, limit: float, found: Finding) -> Iterator[Watched]:
    """In the end it adds what was wrong meanwhile."""
    with (
        Timeline(watch(stack), reader("LMTPReachable", time.time)) as status,
        Timeline(control.command(stack.namespace, stack.pod_name), control.read) as asked,
    ):
        status.wait("True", 0.0, LIMIT)
        asked.wait(wanted=True, after=0.0, seconds=LIMIT)
        yield Watched(stack, status, asked)
    found.wrong += times.wrong(status.seen, asked.seen, limit)
    found.questions += len(asked.seen)


def _killed(stack: Stack, runs: int) -> Finding:
    found = Finding()
    for number in range(0, runs, KILLS_OF_A_POD):
        if number:
            _replace_pod(stack)
        # The kubelet brings a container back at once after the first time; nobody notices that.
        stack.kill("dovecot")
        _rest(stack, REST_OF_KILLED)
        with _watched(stack, KILLED, found) as watched:
            for _ in range(min(KILLS_OF_A_POD, runs - number)):
                watched.fault(lambda: node.kill(faults.container(stack, "dovecot")), lambda: None, found)
                _rest(stack, REST_OF_KILLED)
    return found


def _frozen(stack: Stack, runs: int) -> Finding:
    found = Finding()
    with _watched(stack, FROZEN, found) as watched:
        for _ in range(runs):
            watched.fault(lambda: faults.frozen(stack), lambda: faults.thawed(stack), found)
            _rest(stack, REST_OF_FROZEN)
    return found


def _replace_pod(stack: Stack) -> None:
    uid = stack.pod()["metadata"]["uid"]
    stack.kubectl.delete("pod", stack.pod_name)
    until("there is a new pod", lambda: stack.pod()["metadata"]["uid"] != uid, LIMIT)
    stack.wait_ready()


def _rest(stack: Stack, seconds: float) -> None:
    """Until all is well, and longer: the next fault meets a probe as a seldom one would, at any time of its round."""
    stack.wait_ready()
    time.sleep(seconds + random.uniform(0.0, 2.0))  # noqa: S311  # no secret


def _tell(killed: Finding, frozen: Finding, load: float) -> int:
    rows = [
        times.Row("Dovecot killed, to `LMTPReachable=False`", KILLED, killed.told),
        times.Row("Dovecot answers again after that, to `True`", RECOVERED, killed.well),
        times.Row("Dovecot frozen, to `LMTPReachable=False`", FROZEN, frozen.told),
        times.Row("Dovecot answers again after that, to `True`", RECOVERED, frozen.well),
    ]
    print(times.HEAD, *(row.line() for row in rows), sep="\n")
    wrong = [*killed.wrong, *frozen.wrong]
    print(
        f"wrong True: {len(wrong)}, by {killed.questions + frozen.questions} questions to Dovecot", *wrong, sep="\n  "
    )
    print(f"load of the machine: {load:.1f} before, {os.getloadavg()[0]:.1f} after, on {os.cpu_count()} processors")
    return 0 if all(row.good for row in rows) and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
