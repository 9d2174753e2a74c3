"""Reads Postfix's verify cache without Postfix's tools, which the operator's image does not have.

The file is an LMDB database. Source of its layout: mdb.c of LMDB 0.9 (MDB_meta, MDB_db), on 64-bit machines; of the
entries: verify(8), `ADDRESS` to `STATUS:PROBED:UPDATED:TEXT`.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_MAGIC = 0xBEEFC0DE
_PIECE = 1 << 20
_LONGEST = 4096
# After a page header of 16 bytes: magic, version, address, size of the map; of the free list's database only the
# page size, its first field; of the main one the entries; last page, number of the transaction.
_META = struct.Struct("<16x I I 8x 8x I 44x 32x Q 8x 8x Q")


def entries(file: Path) -> int | None:
    """The number of entries, including a few of verify(8) itself; None if it is not such a file. Raises OSError."""
    with file.open("rb") as database:
        head = database.read(_META.size)
        first = _meta(head)
        if first is None:
            return None
        database.seek(first[0])
        second = _meta(database.read(_META.size))
    # LMDB writes the two alternately; that of the later transaction is valid.
    return max((meta for meta in (first, second) if meta), key=lambda meta: meta[2])[1]


def _meta(page: bytes) -> tuple[int, int, int] | None:
    """Page size, entries and transaction of a meta page."""
    if len(page) < _META.size:
        return None
    magic, version, page_size, found, transaction = _META.unpack(page)
    return (page_size, found, transaction) if (magic, version) == (_MAGIC, 1) else None


def text(file: Path, address: str) -> str:
    """The newest text about the address; empty if there is none, or the file cannot be read.

    A search through all pages, of which old ones may still hold old texts.
    """
    entry = re.compile(re.escape(address.encode()) + rb"\0?\d:\d+:(\d+):([ -~]*)")
    try:
        with file.open("rb") as database:
            found = [
                (int(match[1]), match[2].decode()) for piece in _pieces(database) for match in entry.finditer(piece)
            ]
    except OSError:
        return ""
    return max(found)[1] if found else ""


def _pieces(database: BinaryIO) -> Iterator[bytes]:
    """The file in pieces that overlap by more than an entry. Not by mmap: truncating the file would kill the reader."""
    end = b""
    while piece := database.read(_PIECE):
        yield end + piece
        end = piece[-_LONGEST:]
