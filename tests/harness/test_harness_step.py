"""Steps are done once for each key, whatever happened to their output since."""

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import paths, shell, step
from harness.shell import Log
from harness.step import Report, StepError, folder_step

Interrupt = KeyboardInterrupt


class Counter:
    """Fills a folder with two files and counts how often."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, folder: Path, log: Log) -> None:
        self.runs += 1
        (folder / "program").write_text("text")
        (folder / "deeper").mkdir()
        (folder / "deeper" / "library").write_text("text")


def test_an_unchanged_step_is_skipped(report: Report, cache: Path) -> None:
    fill = Counter()
    for _ in range(2):
        report.run(folder_step("tool", cache / "tool", "key", fill))
    assert fill.runs == 1
    assert [outcome.result for outcome in report.outcomes] == ["built", "cached"]


def test_a_changed_input_is_done_again(report: Report, cache: Path) -> None:
    fill = Counter()
    for key in ("old", "new", "new"):
        report.run(folder_step("tool", cache / "tool", key, fill))
    assert fill.runs == 2


def lose_the_mark(folder: Path) -> None:
    (folder / step.MARK_FILE).unlink()


def lose_a_file(folder: Path) -> None:
    (folder / "deeper" / "library").unlink()


def cut_a_file(folder: Path) -> None:
    (folder / "program").write_text("te")


@pytest.mark.parametrize("harm", [lose_the_mark, lose_a_file, cut_a_file, shutil.rmtree])
def test_a_harmed_output_is_made_again(report: Report, cache: Path, harm: Callable[[Path], None]) -> None:
    fill = Counter()
    folder = cache / "tool"
    report.run(folder_step("tool", folder, "key", fill))
    harm(folder)
    report.run(folder_step("tool", folder, "key", fill))
    assert fill.runs == 2
    assert (folder / "deeper" / "library").read_text() == "text"


def test_an_interrupted_step_leaves_nothing_that_counts(report: Report, cache: Path) -> None:
    def interrupted(folder: Path, log: Log) -> None:
        (folder / "half").write_text("half")
        raise Interrupt

    with pytest.raises(Interrupt):
        report.run(folder_step("tool", cache / "tool", "key", interrupted))
    assert not (cache / "tool").exists()
    report.run(folder_step("tool", cache / "tool", "key", Counter()))
    assert not (cache / "tool" / "half").exists()


def test_a_failure_keeps_the_former_output(report: Report, cache: Path) -> None:
    def fail(folder: Path, log: Log) -> None:
        shell.run("false", log=log)

    report.run(folder_step("tool", cache / "tool", "old", Counter()))
    with pytest.raises(StepError):
        report.run(folder_step("tool", cache / "tool", "new", fail))
    assert step.holds(cache / "tool", "old")


def test_a_failure_shows_its_cause_the_end_of_the_log_and_its_path(report: Report, cache: Path) -> None:
    def fail(folder: Path, log: Log) -> None:
        shell.run(sys.executable, "-c", "for n in range(100): print('line', n)\nraise SystemExit(3)", log=log)

    with pytest.raises(StepError) as caught:
        report.run(folder_step("go tool", cache / "tool", "key", fail))
    message = str(caught.value)
    assert "step 'go tool' failed" in message
    assert "status 3" in message
    assert "  | line 99" in message
    assert "  | line 80" in message
    assert "  | line 79" not in message
    assert str(paths.logs() / "go-tool.log") in message


def test_a_long_step_shows_that_it_is_alive(
    report: Report, said: list[str], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "HEARTBEAT_SECONDS", 0.01)

    def slow(folder: Path, log: Log) -> None:
        log.note("compiling the last package")
        deadline = time.monotonic() + 10
        while not any("compiling the last package" in line for line in said):
            assert time.monotonic() < deadline, "no heartbeat"
            time.sleep(0.01)

    report.run(folder_step("tool", cache / "tool", "key", slow))


def test_the_table_counts_what_was_built(report: Report, cache: Path) -> None:
    for _ in range(2):
        report.run(folder_step("tool", cache / "tool", "key", Counter()))
    report.note("kubectl (/usr/bin/kubectl)", "found")
    assert not report.attempt("image of a registry", lambda log: False)
    lines = report.table().splitlines()
    assert [line.split()[-3] for line in lines[:-1]] == ["built", "cached", "found", "absent"]
    assert lines[-1].startswith("4 steps, 1 built,")
