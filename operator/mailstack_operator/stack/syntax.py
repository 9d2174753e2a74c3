"""Writes the grammars of main.cf, master.cf and dovecot.conf.

The API's models let through only what these grammars carry as it is; the writers check once more, so that
no string can ever change the meaning of another line. They raise ValueError.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

HEADER = "# Written by the MailStack operator from the MailStack's spec; a change by hand is undone.\n"

_OTHER = re.compile("[^ -~]")
# postconf(5): a name, "=", a value to the end of the line.
_POSTFIX_NAME = re.compile(r"[a-z0-9][A-Za-z0-9_]*")
# Dovecot's settings syntax: '#' begins a comment, '$' a variable, '{' '}' a block, '<' a file, quotes a string.
_DOVECOT_VALUE = re.compile(r"[^#${}\"'\\<]*")
_DOVECOT_PATH = re.compile(r"(?:/[A-Za-z0-9._-]+)+")
# A flag of IMAP, alone.
_DOVECOT_FLAG = re.compile(r"\\[A-Z][a-z]+")
# The same within a query, which may hold single quotes, and `<` but for its begin.
_DOVECOT_QUERY = re.compile(r"(?![<'])[^#$%{}\"\\]*")
# %u, %n, %d and %$ of 2.3; %{user | domain} and %{ldap:mail | default('0')} of 2.4.
_DOVECOT_VARIABLE = re.compile(r"%[und$]|%\{[a-z]+(:[A-Za-z0-9-]+)?( \| [a-z]+(\('[0-9]*'\))?)*\}")
# A byte in a name or filter of a directory.
_LDAP_BYTE = re.compile(r"\\[0-9A-Fa-f]{2}")
_DOVECOT_USER_TEMPLATE = re.compile(r"%\{[a-z |]+\}")


def main_cf(parameters: Mapping[str, str]) -> str:
    """The lines of a main.cf; an empty value is written as `name =`."""
    return "".join(f"{_parameter(name, value)}\n" for name, value in parameters.items())


def _parameter(name: str, value: str) -> str:
    if not _POSTFIX_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no parameter name of main.cf")
    if _OTHER.search(value):
        raise ValueError(f"{name}: a value of main.cf is one line of printable ASCII")
    return f"{name} = {value}".rstrip()


@dataclass(frozen=True)
class Setting:
    """`name = value` of dovecot.conf; an empty value is written as `name =`."""

    name: str
    value: str

    def lines(self, indent: str) -> Iterable[str]:
        plain = "" if _DOVECOT_FLAG.fullmatch(self.value) else _DOVECOT_USER_TEMPLATE.sub("", self.value)
        plain = _LDAP_BYTE.sub("", plain)
        if _OTHER.search(plain) or not _DOVECOT_VALUE.fullmatch(plain):
            raise ValueError(f"{self.name}: {self.value!r} does not stand as it is in dovecot.conf")
        yield f"{indent}{self.name} = {self.value}" if self.value else f"{indent}{self.name} ="


@dataclass(frozen=True)
class Query:
    """`name = value` of dovecot.conf, where the value is what a source of users is asked, or what is made of its
    answer: with quotes and with variables of Dovecot."""

    name: str
    value: str

    def lines(self, indent: str) -> Iterable[str]:
        plain = _LDAP_BYTE.sub("", _DOVECOT_VARIABLE.sub("", self.value))
        if _OTHER.search(plain) or not _DOVECOT_QUERY.fullmatch(plain) or plain.count("'") % 2:
            raise ValueError(f"{self.name}: {self.value!r} does not stand as it is in dovecot.conf")
        yield f"{indent}{self.name} = {self.value}"


@dataclass(frozen=True)
class FileSetting:
    """`name = <path` of dovecot.conf: the value is what the file holds, as Dovecot 2.3 takes its certificates."""

    name: str
    path: str

    def lines(self, indent: str) -> Iterable[str]:
        if not _DOVECOT_PATH.fullmatch(self.path):
            raise ValueError(f"{self.name}: {self.path!r} is no absolute path")
        yield f"{indent}{self.name} = <{self.path}"


@dataclass(frozen=True)
class Include:
    """`!include path` of dovecot.conf, or `!include_try path` for a file that may not exist."""

    path: str
    required: bool = True

    def lines(self, indent: str) -> Iterable[str]:
        if not _DOVECOT_PATH.fullmatch(self.path):
            raise ValueError(f"!include: {self.path!r} is no absolute path")
        yield f"{indent}!include{'' if self.required else '_try'} {self.path}"


@dataclass(frozen=True)
class Block:
    """`name { ... }` of dovecot.conf."""

    name: str
    body: tuple["DovecotPart", ...]

    def lines(self, indent: str) -> Iterable[str]:
        yield f"{indent}{self.name} {{"
        for part in self.body:
            yield from part.lines(indent + "  ")
        yield f"{indent}}}"


DovecotPart: TypeAlias = Setting | Query | FileSetting | Include | Block


def block(name: str, *parts: DovecotPart, **settings: str) -> Block:
    """A block of settings, then of the parts."""
    return Block(name, (*(Setting(key, value) for key, value in settings.items()), *parts))


def dovecot_conf(parts: Iterable[DovecotPart]) -> str:
    """The text of a dovecot.conf."""
    return "".join(f"{line}\n" for part in parts for line in part.lines(""))
