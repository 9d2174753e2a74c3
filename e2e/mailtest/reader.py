"""A person at a terminal who types what a page says, block by block, in one shell."""

import os
import re
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from fcntl import LOCK_EX, flock
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Self

from harness import paths
from mailtest.command import run
from mailtest.page import Block, blocks

# Blocks come as files by a pipe, and each end is told by another: input and output stay the terminal's. A command that
# fails ends the shell. What a terminal shows arrives a moment later; the record separator is the last of it. A port
# that is forwarded in the background is waited for, as a person would.
_SHELL = r"""
await_ports() {
  for port; do
    until (exec 5<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do sleep 0.2; done
  done
}
exec 3< "$1" 4> "$2"
while read -r block <&3; do
  set -eo pipefail
  . "$block" 3<&- 4>&-
  set +eo pipefail
  printf '\036'
  echo done >&4
done
"""
_FORWARD = re.compile(r"^kubectl port-forward .*&$", re.MULTILINE)
_LAST = "\x1e"
_PROMPT = re.compile(r"assword: ?$")


@dataclass(frozen=True)
class Place:
    """Where a reader sits: the namespace that kubectl means, the folder, the home; `password` answers each prompt.

    `variables` is what their environment has beside the usual.
    """

    namespace: str
    folder: Path
    home: Path
    password: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


class Reader:
    """A shell in `place`; end it with `close`."""

    def __init__(self, place: Place) -> None:
        self._answer = f"{place.password}\n".encode()
        folder = Path(mkdtemp(prefix="reader-"))
        self._folder, self._file = folder, folder / "block"
        script, blocks, ends = folder / "shell", folder / "blocks", folder / "ends"
        script.write_text(_SHELL)
        for pipe in (blocks, ends):
            os.mkfifo(pipe)
        self._blocks = os.open(blocks, os.O_RDWR)
        self._ends = os.open(ends, os.O_RDONLY | os.O_NONBLOCK)
        self._screen, terminal = os.openpty()
        self._shell = subprocess.Popen(
            ["setsid", "--ctty", "bash", str(script), str(blocks), str(ends)],
            cwd=place.folder,
            env=_environment(place, folder / "kubeconfig"),
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        )
        os.close(terminal)

    def close(self) -> None:
        """What the shell started in the background ends with it."""
        with suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGTERM)
        self._shell.wait(30)
        for end in (self._screen, self._blocks, self._ends):
            os.close(end)
        shutil.rmtree(self._folder)

    def type(self, block: Block, seconds: float = 400.0) -> str:
        """What the terminal shows while the block runs. Fails if a command does, or the time is over."""
        self._file.write_text(_FORWARD.sub(_and_wait, block.commands))
        os.write(self._blocks, f"{self._file}\n".encode())
        shown, outcome = "", ""
        for ended, text in self._watch(time.monotonic() + seconds):
            shown += text
            if _PROMPT.search(shown):
                os.write(self._screen, self._answer)
            outcome = outcome or ended
            assert outcome != "failed", f"{block.place} failed:\n{block.commands}\n{shown}"
            if outcome and _LAST in shown:
                return shown.replace(_LAST, "")
        raise AssertionError(f"{block.place} did not end in {seconds:.0f} s:\n{block.commands}\n{shown}")

    def _watch(self, deadline: float) -> Iterator[tuple[str, str]]:
        """How the block ended ("" while it runs), and what the terminal shows, which is read first."""
        with selectors.DefaultSelector() as selector:
            for end in (self._screen, self._ends):
                selector.register(end, selectors.EVENT_READ)
            while ready := [key.fd for key, _ in selector.select(max(deadline - time.monotonic(), 0))]:
                if self._screen not in ready:
                    yield _read(self._ends) or "failed", ""
                elif text := _read(self._screen):
                    yield "", text
                else:
                    selector.unregister(self._screen)


class Walk:
    """A page that is gone through, section by section; `renamed` is the MailStack's name on the page, and in the test.

    As a context, the time in which its shell runs and this process alone forwards ports of this machine.
    """

    def __init__(self, page: str, place: Place, renamed: tuple[str, str] = ("", "")) -> None:
        found = [block for block in blocks(page) if not block.reason]
        self.left = [replace(block, commands=_renamed(block.commands, *renamed)) for block in found]
        self._place = place
        self._open = ExitStack()

    def __enter__(self) -> Self:
        file = self._open.enter_context((paths.cache() / "ports.lock").open("w"))
        flock(file, LOCK_EX)
        self._reader = Reader(self._place)
        self._open.callback(self._reader.close)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def section(self, *names: str) -> str:
        """Type the blocks of these sections; what the terminal shows."""
        chosen = [block for block in self.left if block.section in names]
        assert {block.section for block in chosen} == {*names}
        self.left = [block for block in self.left if block not in chosen]
        return "".join(self._reader.type(block) for block in chosen)


def _renamed(commands: str, old: str, new: str) -> str:
    return re.sub(rf"\b{re.escape(old)}(?=-\d|\s)", new, commands) if old else commands


def _environment(place: Place, config: Path) -> dict[str, str]:
    usual = paths.environment()
    shutil.copyfile(usual["KUBECONFIG"], config)
    run("kubectl", f"--kubeconfig={config}", "config", "set-context", "--current", f"--namespace={place.namespace}")
    search = f"{place.home}/.local/bin{os.pathsep}{usual['PATH']}"
    own = {"HOME": str(place.home), "KUBECONFIG": str(config), "PATH": search, "PYTHONPATH": "", "TERM": "dumb"}
    return {**usual, **own, **place.variables}


def _and_wait(forward: re.Match[str]) -> str:
    local = re.findall(r" (\d+):\d+", forward[0])
    return f"{forward[0]}\nawait_ports {' '.join(local)}"


def _read(end: int) -> str:
    """What is there; nothing when the other side has closed, which a terminal tells by an error."""
    try:
        return os.read(end, 65536).decode("utf-8", "replace").replace("\r\n", "\n")
    except OSError:
        return ""
