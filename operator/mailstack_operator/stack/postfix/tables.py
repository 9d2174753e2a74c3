"""The tables that the spec's own parameters name, which must be in Postfix's image. Pure.

Postfix opens a table when it first needs it, such as for a message's header: one that is missing, or of a type that the
image lacks, defers all mail, and no check of the files says so. Sources: postconf(5), DATABASE_README.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from mailstack_operator.stack.paths import POSTFIX_CONFIG

# Of the lines: in place of a path for a table that Postfix makes itself.
_MADE: Final = "-"
_TYPES: Final = (
    *("btree", "cdb", "cidr", "dbm", "hash", "ldap", "lmdb", "memcache", "mongodb", "mysql", "pcre", "pgsql"),
    *("regexp", "sdbm", "sqlite", "texthash"),
)
_TABLE: Final = re.compile(rf"(?<![\w.-])({'|'.join(_TYPES)}):([/$][^\s,{{}}]*)")
_CACHE: Final = re.compile(r".*_cache_(database|map)|address_verify_map|smtp_sasl_auth_cache_name")
_MACRO: Final = re.compile(r"\$(?:\{(\w+)\}|\((\w+)\)|(\w+))")
# Parameters that lead to others.
_DEPTH: Final = 5


def render(parameters: Mapping[str, str]) -> str:
    """A line for each table: the parameter, the type of the table, and its path or `-`."""
    found = dict.fromkeys(line for name in sorted(parameters) for line in _lines(name, parameters))
    return "".join(f"{line}\n" for line in found)


def _lines(name: str, parameters: Mapping[str, str]) -> Iterator[str]:
    value = _expanded(parameters[name], {**parameters, "config_directory": POSTFIX_CONFIG})
    for kind, path in _TABLE.findall(value):
        if _CACHE.fullmatch(name):
            yield f"{name} {kind} {_MADE}"
        elif path.startswith("/"):
            yield f"{name} {kind} {path}"


def _expanded(value: str, known: Mapping[str, str]) -> str:
    """With the values of these parameters; others, such as the folders of the volumes, stay as they are."""
    for _ in range(_DEPTH):
        value = _MACRO.sub(lambda macro: known.get(macro[1] or macro[2] or macro[3], macro[0]), value)
    return value
