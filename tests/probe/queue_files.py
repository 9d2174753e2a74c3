"""Files of Postfix's queues."""

# The first bytes of a queue file of Postfix 3.10: size record, then the time of arrival.
HEAD = b"C^             234             202               1               0             234               0"


def head(arrival: int) -> bytes:
    """The beginning of a file; `arrival` is in seconds since 1970."""
    text = HEAD[2:]
    stamp = f"{arrival} 123456".encode()
    return b"C" + bytes([len(text)]) + text + b"T" + bytes([len(stamp)]) + stamp + b"S\x11alice@example.org"
