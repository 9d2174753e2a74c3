"""Steps: done once for each key, with progress, a log, and a table of what was done."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from harness import keys, paths
from harness.errors import HarnessError
from harness.shell import Log

HEARTBEAT_SECONDS = 30.0
MARK_FILE = ".mark"

Result = Literal["cached", "built", "found", "absent"]
T = TypeVar("T")


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
    result: Result
    seconds: float

    def line(self) -> str:
        """For example `engine                             built     14.2 s`."""
        return f"{self.name:<34} {self.result:<6} {self.seconds:>7.1f} s"


class StepError(HarnessError):
    """A step failed: the message holds the cause, the end of its log and the log's path."""

    def __init__(self, name: str, cause: Exception, log: Log) -> None:
        tail = "".join(f"\n  | {line}" for line in log.tail()) or " (empty)"
        super().__init__(f"step {name!r} failed: {cause}\nthe end of its log:{tail}\nall of it: {log.path}")


@dataclass
class Report:
    """Runs steps one after the other and remembers their outcomes."""

    say: Callable[[str], None] = print
    outcomes: list[Outcome] = field(default_factory=list)

    def run(self, step: Step) -> None:
        """Do a step unless it is done. Raises StepError."""
        start = time.monotonic()
        if step.is_done():
            self._note(step.name, "cached", start)
        else:
            self._logged(step.name, step.make)
            self._note(step.name, "built", start)

    def attempt(self, name: str, attempt: Callable[[Log], bool]) -> bool:
        """Try what may be impossible here; answers whether it succeeded. Raises StepError for other troubles."""
        start = time.monotonic()
        found = self._logged(name, attempt)
        self._note(name, "found" if found else "absent", start)
        return found

    def do(self, name: str, work: Callable[[Log], T]) -> T:
        """Do what has no mark of being done; answers what came of it. Raises StepError."""
        start = time.monotonic()
        found = self._logged(name, work)
        self._note(name, "built", start)
        return found

    def note(self, name: str, result: Result) -> None:
        """Note what was there already: `cached` if the harness made it, `found` if the machine had it."""
        self._note(name, result, time.monotonic())

    def table(self) -> str:
        """Every step of this run, then the sum."""
        built = sum(outcome.result == "built" for outcome in self.outcomes)
        seconds = sum(outcome.seconds for outcome in self.outcomes)
        lines = [outcome.line() for outcome in self.outcomes]
        return "\n".join([*lines, f"{len(lines)} steps, {built} built, {seconds:.1f} s"])

    def _note(self, name: str, result: Result, start: float) -> None:
        outcome = Outcome(name, result, time.monotonic() - start)
        self.outcomes.append(outcome)
        self.say(outcome.line())

    def _logged(self, name: str, work: Callable[[Log], T]) -> T:
        log = _new_log(name)
        self.say(f"{name:<34} ...             log: {log.path}")
        try:
            with self._heartbeat(name, log):
                return work(log)
        except (HarnessError, OSError) as cause:
            raise StepError(name, cause, log) from cause

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


def folder_step(name: str, folder: Path, key: str, fill: Callable[[Path, Log], None]) -> Step:
    """A step whose output is a folder.

    `fill` gets an empty folder elsewhere. Only when it is full does it take its place, with a mark of the key and of
    what is in it, so a half-written or half-deleted output never counts.
    """

    def make(log: Log) -> None:
        work = fresh_scratch(name)
        fill(work, log)
        (work / MARK_FILE).write_text(_mark(work, key))
        _replace(folder, work)

    return Step(name, lambda: holds(folder, key), make)


def holds(folder: Path, key: str) -> bool:
    """Whether the folder is the complete output of this key."""
    mark = folder / MARK_FILE
    return mark.is_file() and mark.read_text() == _mark(folder, key)


def fresh_scratch(name: str) -> Path:
    """An empty folder of this process alone: a command that outlived a killed run may still write to that run's."""
    folder = paths.scratch() / f"{_file_name(name)}-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def clear_scratch() -> None:
    """Remove what interrupted runs left; only the holder of the lock may."""
    shutil.rmtree(paths.scratch(), ignore_errors=True)


def _mark(folder: Path, key: str) -> str:
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.name != MARK_FILE)
    return keys.of_texts(key, *(f"{file.relative_to(folder)} {file.stat().st_size}" for file in files))


def _replace(folder: Path, new: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def _new_log(name: str) -> Log:
    path = paths.logs() / f"{_file_name(name)}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return Log(path)


def _last(log: Log) -> str:
    """The last line of a log, cut to what fits beside a name."""
    lines = log.tail(1)
    return lines[0].strip()[:80] if lines else ""


def _file_name(name: str) -> str:
    return name.replace(" ", "-").replace("/", "-")
