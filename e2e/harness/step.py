"""Steps: done once for each key, with progress, a log, and a table of what was done."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness import paths
from harness.errors import HarnessError
from harness.shell import Log

HEARTBEAT_SECONDS = 30.0
KEY_FILE = ".key"


@dataclass(frozen=True)
class Step:
    """One piece of work: `is_done` looks at the thing itself, not at a note about it; `make` makes it."""

    name: str
    is_done: Callable[[], bool]
    make: Callable[[Log], None]


@dataclass(frozen=True)
class Outcome:
    """A line of the table at the end of a run."""

    name: str
    cached: bool
    seconds: float

    def line(self) -> str:
        """For example `engine                     built     14.2 s`."""
        return f"{self.name:<34} {'cached' if self.cached else 'built':<6} {self.seconds:>7.1f} s"


class StepFailed(HarnessError):
    """A step failed: the message holds the cause, the end of its log and the log's path."""

    def __init__(self, name: str, cause: HarnessError, log: Log) -> None:
        tail = "\n".join(f"  | {line}" for line in log.tail())
        super().__init__(f"step {name!r} failed: {cause}\nthe end of its log:\n{tail}\nall of it: {log.path}")


@dataclass
class Report:
    """Runs steps one after the other and remembers their outcomes."""

    say: Callable[[str], None] = print
    outcomes: list[Outcome] = field(default_factory=list)

    def run(self, step: Step) -> None:
        """Do a step unless it is done. Raises StepFailed."""
        start = time.monotonic()
        cached = step.is_done()
        if not cached:
            self._make(step)
        outcome = Outcome(step.name, cached, time.monotonic() - start)
        self.outcomes.append(outcome)
        self.say(outcome.line())

    def table(self) -> str:
        """Every step of this run, then the sum."""
        built = sum(not outcome.cached for outcome in self.outcomes)
        seconds = sum(outcome.seconds for outcome in self.outcomes)
        lines = [outcome.line() for outcome in self.outcomes]
        return "\n".join([*lines, f"{len(lines)} steps, {built} built, {seconds:.1f} s"])

    def _make(self, step: Step) -> None:
        log = _new_log(step.name)
        self.say(f"{step.name:<34} ...             log: {log.path}")
        try:
            with self._heartbeat(step.name, log):
                step.make(log)
        except HarnessError as cause:
            raise StepFailed(step.name, cause, log) from cause

    @contextmanager
    def _heartbeat(self, name: str, log: Log) -> Iterator[None]:
        """Say now and then that a long step is alive, and what it is doing."""
        over = threading.Event()

        def beat() -> None:
            start = time.monotonic()
            while not over.wait(HEARTBEAT_SECONDS):
                self.say(f"{name:<34} ... {time.monotonic() - start:>7.0f} s  {_last(log)}")

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _new_log(name: str) -> Log:
    path = paths.logs() / f"{name.replace(' ', '-').replace('/', '-')}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return Log(path)


def _last(log: Log) -> str:
    """The last line of a log, cut to what fits beside a name."""
    lines = log.tail(1)
    return lines[0].strip()[:80] if lines else ""


def folder_step(name: str, folder: Path, key: str, fill: Callable[[Path, Log], None]) -> Step:
    """A step whose output is a folder, which holds its key in `.key`.

    `fill` gets an empty folder elsewhere; only when it is full does it take its place, so a half-written output never counts.
    """

    def make(log: Log) -> None:
        work = fresh_scratch(name)
        fill(work, log)
        (work / KEY_FILE).write_text(key)
        _replace(folder, work)

    return Step(name, lambda: holds(folder, key), make)


def holds(folder: Path, key: str) -> bool:
    """Whether the folder is the complete output of this key."""
    mark = folder / KEY_FILE
    return mark.is_file() and mark.read_text() == key


def fresh_scratch(name: str) -> Path:
    """An empty folder to work in."""
    folder = paths.scratch() / name.replace(" ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _replace(folder: Path, new: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
