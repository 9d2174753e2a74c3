"""When a certificate is valid, for which names and by whom, from its DER form; the standard library reads it of CAs
only.

Sources: RFC 5280, 4.1 (the fields of a certificate), 4.2.1.6 (its names) and 4.2.2.1 (where its issuer is published);
X.690, 8.1 (tag, length, content).
"""

from collections.abc import Iterator
from datetime import UTC, datetime

_VERSION = 0xA0
_UTC_TIME = 0x17
_EXTENSIONS = 0xA3
_DNS_NAME = 0x82
# 2.5.29.17, subjectAltName.
_ALTERNATIVES = b"\x55\x1d\x11"
# 1.3.6.1.5.5.7.1.1 and 1.3.6.1.5.5.7.48.2: authorityInfoAccess, and caIssuers in it.
_INFORMATION = b"\x2b\x06\x01\x05\x05\x07\x01\x01"
_PUBLISHED = b"\x2b\x06\x01\x05\x05\x07\x30\x02"


def validity(certificate: bytes) -> tuple[datetime, datetime]:
    """The first and the last moment, of a certificate that OpenSSL could read."""
    # The version is left out where it is 1.
    fields = [content for tag, content in _fields(certificate) if tag != _VERSION]
    _serial, _signature, _issuer, period, *_ = fields
    first, last = (_moment(tag, content) for tag, content in elements(period))
    return first, last


def issuer_and_subject(certificate: bytes) -> tuple[bytes, bytes]:
    """The names of who issued it and of whom it is for, of a certificate that OpenSSL could read."""
    fields = [content for tag, content in _fields(certificate) if tag != _VERSION]
    _serial, _signature, issuer, _period, subject, *_ = fields
    return issuer, subject


def names_its_issuer(certificate: bytes) -> bool:
    """Whether it says where its issuer's certificate is published, as those of public authorities do."""
    return any(_PUBLISHED in value for kind, value in _extensions(certificate) if kind == _INFORMATION)


def dns_names(certificate: bytes) -> list[str]:
    """The DNS names in its subjectAltName, of a certificate that OpenSSL could read."""
    return [name for kind, value in _extensions(certificate) if kind == _ALTERNATIVES for name in _names(value)]


def _extensions(certificate: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Identifier and value of each."""
    for tag, content in _fields(certificate):
        for _, extensions in elements(content) if tag == _EXTENSIONS else ():
            for _, extension in elements(extensions):
                # Whether it is critical stands between the two, or is left out.
                (_, kind), *_critical, (_, value) = elements(extension)
                yield kind, value


def _names(value: bytes) -> Iterator[str]:
    _, names = next(elements(value))
    yield from (name.decode("ascii", "replace") for tag, name in elements(names) if tag == _DNS_NAME)


def _fields(certificate: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each field."""
    _, signed = next(elements(certificate))
    _, body = next(elements(signed))
    return elements(body)


def elements(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element. May raise IndexError where the content is no DER."""
    at = 0
    while at < len(content):
        start, end = _bounds(content, at)
        yield content[at], content[start:end]
        at = end


def element(tag: int, *contents: bytes) -> bytes:
    """An element of these contents."""
    content = b"".join(contents)
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8 or 1, "big")
    length = size if len(content) < 0x80 else bytes([0x80 | len(size)]) + size
    return bytes([tag]) + length + content


def _bounds(content: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element that begins there starts and ends."""
    start, length = at + 2, content[at + 1]
    if length < 0x80:
        return start, start + length
    start += length & 0x7F
    return start, start + int.from_bytes(content[at + 2 : start], "big")


def _moment(tag: int, content: bytes) -> datetime:
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        # Two digits of the year: 1950 to 2049.
        text = ("19" if text >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
