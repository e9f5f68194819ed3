"""What workers that score items have in common, whether they are processes or Ray tasks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

# Called with the number of new frames.
Progress = Callable[[int], None]
# Works on one item; created in the process that uses it.
Score = Callable[[Any, Progress], Any]


class Died(Exception):
    """The process that worked on an item ended; the message says how."""


class SendRecords(logging.Handler):
    """Send log records to the process that started the work, which prints them."""

    def __init__(self, send: Callable[[logging.LogRecord], None]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        # Arguments may not be picklable; the text is enough.
        record.msg, record.args, record.exc_info = record.getMessage(), None, None
        self._send(record)


def print_record(record: logging.LogRecord) -> None:
    """Print a log record of a worker like one of this process."""
    logging.getLogger(record.name).handle(record)
