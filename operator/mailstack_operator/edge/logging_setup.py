"""Structured logs on standard error: one JSON object a line, or plain text for a person."""

import logging

from pythonjsonlogger.json import JsonFormatter

_TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def configure(level: str, style: str) -> None:
    """`level` is a name of `logging`, `style` is "json" or "text"."""
    handler = logging.StreamHandler()
    handler.setFormatter(_json() if style == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Kopf logs every event that it passes on, and warns that it does not handle signals.
    logging.getLogger("kopf").setLevel(max(logging.getLogger().level, logging.WARNING))
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)


def _json() -> JsonFormatter:
    renamed = {"asctime": "time", "levelname": "level", "name": "logger"}
    return JsonFormatter(_TEXT, rename_fields=renamed, datefmt="%Y-%m-%dT%H:%M:%S%z")
