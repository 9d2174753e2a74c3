"""When a certificate is valid, read from its DER form; the standard library reads it of CA certificates only.

Sources: RFC 5280, 4.1 (the fields of a certificate); X.690, 8.1 (tag, length, content).
"""

from collections.abc import Iterator
from datetime import UTC, datetime

_VERSION = 0xA0
_UTC_TIME = 0x17


def validity(certificate: bytes) -> tuple[datetime, datetime]:
    """The first and the last moment, of a certificate that OpenSSL could read."""
    _, signed = next(_elements(certificate))
    _, body = next(_elements(signed))
    # The version is left out where it is 1.
    fields = [content for tag, content in _elements(body) if tag != _VERSION]
    _serial, _signature, _issuer, period, *_ = fields
    first, last = (_moment(tag, content) for tag, content in _elements(period))
    return first, last


def _elements(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element."""
    while content:
        start, length = _length(content)
        yield content[0], content[start : start + length]
        content = content[start + length :]


def _length(element: bytes) -> tuple[int, int]:
    """Where the content starts, and how many bytes it has."""
    if element[1] < 0x80:
        return 2, element[1]
    start = 2 + (element[1] & 0x7F)
    return start, int.from_bytes(element[2:start], "big")


def _moment(tag: int, content: bytes) -> datetime:
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        # Two digits of the year: 1950 to 2049.
        text = ("19" if text >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
