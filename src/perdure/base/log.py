"""Log lines, for machines and for people, without secrets. `extra["fields"]` has what a line tells beside its words."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, TextIO, TypeAlias

from .codec import to_json
from .redaction import hide, hide_in

Form: TypeAlias = Literal["json", "text"]

LOGGERS = ("perdure", "uvicorn.error", "opentelemetry")
"""Whose lines are ours to write; what else a process logs is its own business."""


class JsonLines(logging.Formatter):
    """An object a line: `at` (ms UTC), `level`, `logger`, `message`, the fields, and the `error` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": int(record.created * 1000),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": hide(record.getMessage()),
            **_fields(record),
        }
        if record.exc_info:
            line["error"] = hide(self.formatException(record.exc_info))
        return to_json(line).decode()


class TextLines(logging.Formatter):
    """`2026-01-31T09:05:00.123Z info perdure.runs: done run_id=run_… ms=12`"""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields = "".join(f" {name}={_shown(value)}" for name, value in _fields(record).items())
        line = f"{at} {record.levelname.lower()} {record.name}: {_on_one_line(hide(record.getMessage()))}{fields}"
        return f"{line}\n{hide(self.formatException(record.exc_info))}" if record.exc_info else line


@contextmanager
def logging_to(stream: TextIO, form: Form, level: str) -> Iterator[None]:
    """Write log lines from this level on while this is entered."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    handler.setLevel(level.upper())
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(level.upper())
        logger.propagate = False
    try:
        yield
    finally:
        for logger, (was, propagated) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(was)
            logger.propagate = propagated


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    fields: dict[str, Any] = hide_in(getattr(record, "fields", {}))
    return fields


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else to_json(value).decode()
    return text if text and not any(letter in text for letter in ' "\n\r\t=') else to_json(text).decode()


def _on_one_line(text: str) -> str:
    """A line is one event, whatever was said in it."""
    return text.replace("\r", "\\r").replace("\n", "\\n")
