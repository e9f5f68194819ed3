"""Lines of stderr as JSON, for programs that collect logs."""

from __future__ import annotations

import io
import json
import logging
import sys
import time
from typing import Any


def log_json() -> None:
    """From now on, each line of stderr is a JSON object: ``time``, ``level``, ``logger``, text."""
    for handler in logging.root.handlers:
        handler.setFormatter(_Json())
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stderr)
    logging.getLogger("vadkit").setLevel(logging.INFO)
    plain: Any = _Lines(sys.stderr)
    sys.stderr = plain


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return _line(record.levelname.lower(), record.name, text, record.created)


def _line(level: str, logger: str, text: str, at: float) -> str:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    return json.dumps(
        {
            "time": f"{stamp}.{int(at % 1 * 1000):03}Z",
            "level": level,
            "logger": logger,
            "message": text,
        }
    )


class _Lines(io.TextIOBase):
    """Takes text, and writes each complete line as JSON; what a log handler wrote stays."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._rest = stream, ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return str(self._stream.encoding)

    @property
    def errors(self) -> str:  # type: ignore[override]
        return str(self._stream.errors)

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self._stream.fileno())

    def flush(self) -> None:
        self._stream.flush()

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in filter(None, lines):
            level = "error" if line.startswith("error: ") else "info"
            said = line.removeprefix("error: ")
            self._stream.write(_line(level, "vadkit", said, time.time()) + "\n")
        return len(text)
