"""Ages and sizes as kubectl writes them. Pure."""

from datetime import datetime

from mailstack_operator.cli.plugin.parsing.timestamps import parse_time


def format_since(rfc3339: str, now: datetime) -> str:
    """How long ago that was; `-` if the text is not a time."""
    found = parse_time(rfc3339)
    return format_age((now - found).total_seconds()) if found else "-"


def format_age(seconds: float) -> str:
    """In the largest unit of which there are two, as kubectl does: 90s, 3m, 47h, 2d."""
    whole = max(int(seconds), 0)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole >= 2 * length:
            return f"{whole // length}{unit}"
    return f"{whole}s"


def format_size(octets: int) -> str:
    """In the largest binary unit of which there is one: 312, 4.1Ki, 10.0Mi."""
    if octets < 1024:
        return str(octets)
    return f"{octets / 1024:.1f}Ki" if octets < 1024**2 else f"{octets / 1024**2:.1f}Mi"
