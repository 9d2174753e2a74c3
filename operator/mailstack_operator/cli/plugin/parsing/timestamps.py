"""Times as Kubernetes writes them. Pure."""

from datetime import UTC, datetime


def parse_time(rfc3339: str) -> datetime | None:
    """The time, in UTC if the text names no zone; None if the text is not a time."""
    try:
        found = datetime.fromisoformat(rfc3339)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
