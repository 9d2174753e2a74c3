"""Command lines as frozen dataclasses: `to_arguments` writes what `parse` reads.

A field is an option of the same name, with dashes for underscores; its annotation is `Annotated[TYPE, Option(...)]`.
A field with a default is optional. A tuple is an option that may be repeated. Values are written by `str`.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass
from typing import Annotated, ClassVar, Self, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Option:
    """Help text and reader of a field; `read` raises ValueError with a message for the user."""

    help: str
    metavar: str | None = None
    read: Callable[[str], object] = str
    choices: Sequence[int] | None = None


class Arguments:
    """Base class of the dataclasses."""

    program: ClassVar[str]
    purpose: ClassVar[str]

    def to_arguments(self) -> list[str]:
        """`--name=value` for each field that differs from its default, in the order of the fields."""
        return [f"{_flag(name)}={value}" for name, value in self._values()]

    @classmethod
    def parse(cls, arguments: Sequence[str] | None = None) -> Self:
        """Reads `arguments`, by default those of the process; `@FILE` is an option for each line of the file.

        Exits with a usage message if they are invalid.
        """
        parser = argparse.ArgumentParser(
            prog=cls.program, description=cls.purpose, allow_abbrev=False, fromfile_prefix_chars="@"
        )
        for name, (kind, option) in _options(cls).items():
            _add(parser, name, option, getattr(cls, name, MISSING), repeated=get_origin(kind) is tuple)
        given = vars(parser.parse_args(arguments))
        found = cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})
        if problem := found.conflict():
            parser.error(problem)
        return found

    def conflict(self) -> str | None:
        """Why these options cannot be combined; None if they can."""
        return None

    def _values(self) -> Iterator[tuple[str, object]]:
        for name in _options(type(self)):
            value = getattr(self, name)
            if isinstance(value, tuple):
                yield from ((name, each) for each in value)
            elif value != getattr(type(self), name, MISSING):
                yield name, value


def _options(program: type[Arguments]) -> dict[str, tuple[object, Option]]:
    """The type and the option of each field."""
    hints = get_type_hints(program, include_extras=True)
    return {name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Annotated}


def _add(parser: argparse.ArgumentParser, name: str, option: Option, default: object, *, repeated: bool) -> None:
    optional = default is not MISSING
    parser.add_argument(
        _flag(name),
        action="append" if repeated else "store",
        default=[] if repeated else default if optional else None,
        required=not optional,
        type=_reader(option.read),
        choices=option.choices,
        metavar=option.metavar,
        help=option.help,
    )


def _reader(read: Callable[[str], object]) -> Callable[[str], object]:
    """The function for argparse, which hides the message of a ValueError."""

    def reader(text: str) -> object:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return reader


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
