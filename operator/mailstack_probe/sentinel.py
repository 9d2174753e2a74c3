"""Keeps the session of the last check open: it breaks when Dovecot stops, which is thus known at once.

It proves nothing else. An open session outlives a lost socket, a reload and a master process that no longer forks, so
each check opens a connection of its own, as Postfix does.
"""

import select
import socket
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from mailstack_probe import dialogue
from mailstack_probe.sessions import Session

# Seconds for QUIT.
_LIMIT = 1.0
# Seconds without a held session after a false alarm: a server that ends idle sessions would be checked all the time.
_MUTE = 10.0


class Sentinel:
    """Calls `ended` when the server ends the session that is held.

    Only its thread closes sessions: the file descriptor of a closed one may be reused while select(2) waits for it.
    """

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended
        self._next: SimpleQueue[Session | None] = SimpleQueue()
        # None while there is no watch.
        self._button: socket.socket | None = None
        self._alarmed = False
        self._muted_until = 0.0

    def start(self) -> None:
        bell, self._button = socket.socketpair()
        threading.Thread(target=self._run, args=(bell,), name="sentinel", daemon=True).start()

    def hold(self, session: Session) -> None:
        """Takes over the session of a successful check, in place of the former one."""
        if self._alarmed:
            # A false alarm: the server works.
            self._muted_until = time.monotonic() + _MUTE
        if self._button is None or time.monotonic() < self._muted_until:
            end(session)
            self.release()
        else:
            self._take(session)

    def release(self) -> None:
        """Holds none: the last check failed."""
        self._take(None)

    def _take(self, session: Session | None) -> None:
        self._alarmed = False
        if self._button:
            self._next.put(session)
            self._button.send(b"!")

    def _run(self, bell: socket.socket) -> None:
        held: Session | None = None
        while True:
            watched: list[socket.socket | Session] = [bell, held] if held else [bell]
            ready, _, _ = select.select(watched, [], [])
            if held:
                end(held)
            if bell in ready:
                bell.recv(1)
                held = self._next.get()
            else:
                held = None
                self._alarmed = True
                self._ended()


def end(session: Session) -> None:
    """Ends a session politely; the outcome does not matter."""
    session.extend(time.monotonic() + _LIMIT)
    dialogue.quit_session(session)
    session.close()
