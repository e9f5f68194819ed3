"""The record of an event as it stands in files, and files of such records, one in each line."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vadkit.files import open_regular

LINES = "events.jsonl"
ID = "[A-Za-z0-9_.-]{1,200}"
_LONGEST = 1 << 16
_Side = Annotated[int, Field(ge=1)]
_Number = Annotated[float, Field(allow_inf_nan=False)]


class _Record(BaseModel):
    """What is used of an event's record; the rest is kept as it is."""

    model_config = ConfigDict(extra="allow")

    id: Annotated[str, Field(pattern=f"^{ID}$")]
    kind: str = "alarm"
    state: Literal["begun", "over"] = "over"
    source: str
    start: _Number
    end: _Number | None = None
    started_at: str | None = None
    peak_time: _Number | None = None
    peak_score: _Number | None = None
    threshold: _Number | None = None
    region: tuple[int, int, int, int] | None = None
    reasons: list[str] = []
    size: tuple[_Side, _Side] | None = None
    part: str | None = None


def checked_record(data: Any) -> dict[str, Any]:
    """Return the record of an event; ``ValueError`` if it is none."""
    record: dict[str, Any] = _Record.model_validate(data).model_dump(mode="json")
    return record


def new_lines(path: Path, inode: int, start: int) -> Iterator[tuple[dict[str, Any], int, int]]:
    """Yield the records of a file after the byte ``start``, with its inode and where each ends.

    A file with another inode, or a shorter one, is read from its beginning. Lines that vadkit did
    not write, or not completely, are left out; without a file there is none.
    """
    with contextlib.suppress(FileNotFoundError), open_regular(path) as file:
        now = os.fstat(file.fileno())
        file.seek(start if now.st_ino == inode and now.st_size >= start else 0)
        while line := file.readline(_LONGEST):
            if not line.endswith(b"\n") and len(line) < _LONGEST:
                return
            with contextlib.suppress(ValueError, RecursionError):
                yield checked_record(json.loads(line)), now.st_ino, file.tell()
