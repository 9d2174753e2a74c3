"""What the helper `users` tells the probe about the users file: names and numbers of lines, and no password."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from mailstack_probe.passwd import Note
from mailstack_probe.reasons import Reason
from mailstack_probe.verdicts import Status, Verdict

_Pairs: TypeAlias = list[tuple[int, str]]


@dataclass(frozen=True)
class Report:
    """`users` are those of Dovecot's file, with the number of their line in the Secret's; 0 is for users of the last
    good file, who are kept. `problem` says why the present file is not in use."""

    users: Mapping[str, int]
    bad: tuple[Note, ...] = ()
    corrected: tuple[Note, ...] = ()
    problem: Verdict | None = None

    @property
    def kept(self) -> list[str]:
        """Users whom the present file lacks."""
        return [] if self.problem else [user for user, line in self.users.items() if not line]

    def to_json(self) -> str:
        problem = self.problem
        return json.dumps(
            {
                "users": [(line, user) for user, line in self.users.items()],
                "bad": _pairs(self.bad),
                "corrected": _pairs(self.corrected),
                "problem": (problem.status, problem.reason, problem.message) if problem else None,
            }
        )


def parse(text: str) -> Report:
    """Reads `to_json`. Raises ValueError, KeyError and TypeError."""
    found: dict[str, _Pairs] = json.loads(text)
    problem: tuple[Status, str, str] | None = json.loads(text)["problem"]
    return Report(
        users={user: line for line, user in found["users"]},
        bad=_notes(found["bad"]),
        corrected=_notes(found["corrected"]),
        problem=Verdict(problem[0], _reason(problem[1]), problem[2]) if problem else None,
    )


def _reason(word: str) -> Reason:
    return next(reason for reason in Reason if reason == word)


def _pairs(notes: Iterable[Note]) -> _Pairs:
    return [(note.line, note.text) for note in notes]


def _notes(pairs: _Pairs) -> tuple[Note, ...]:
    return tuple(Note(line, text) for line, text in pairs)
