"""``vadkit data frigate``: fetch recordings of a camera from Frigate."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from vadkit.errors import DataError, RecipeError
from vadkit.files import write_whole
from vadkit.inference.frigate import FrigateApi
from vadkit.inference.recorded import recording_path
from vadkit.text import printable

Which = Literal["all", "with-events", "without-events"]
# Recordings this close together are one: Frigate writes segments of ten seconds.
_GAP_S = 1.0
_PAGE = 100
# Seconds around an event that belong to it.
_AROUND_S = 5.0


@dataclass(frozen=True)
class Fetched:
    """What was fetched: new files, files of an earlier call, and the seconds of all of them."""

    out: str
    new: int
    kept: int
    seconds: float

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data."""
        return asdict(self)


@dataclass(frozen=True)
class Span:
    """A time of unbroken recordings, in Unix seconds."""

    start: float
    end: float


def fetch(
    url: str,
    camera: str,
    since: float,
    until: float,
    out: Path,
    *,
    which: Which = "all",
    labels: str | None = None,
    user: str | None = None,
    longest_s: float = 600.0,
) -> Iterator[Path | Fetched]:
    """Yield each file as it is there, and finally the totals.

    Recordings of ``camera`` between two Unix times become files of up to ``longest_s`` in the
    layout of Frigate's own folder, which tells `vadkit infer` the camera and the time of day.
    ``which`` chooses recordings by Frigate's events (with ``labels``, only those, with commas
    between them). Files that are there are not fetched again. Raises ``RecipeError`` for a wrong
    address, and ``DataError`` if Frigate does not answer or has nothing.
    """
    if not since < until:
        raise RecipeError("--until must be later than --since")
    if not camera or "/" in camera or camera.startswith("."):
        raise RecipeError(f"--camera '{printable(camera)}': no camera in Frigate has such a name")
    api = FrigateApi(url, user, 60.0, "frigate")
    try:
        spans = _spans(api, camera, since, until, which, labels, longest_s)
        if not spans:
            raise DataError(
                f"{api.url} has no such recordings of camera '{printable(camera)}' in this time; "
                "is this its name in Frigate, and are recordings kept?"
            )
        new = 0
        for span in spans:
            path = recording_path(out, camera, span.start)
            if not path.exists():
                _download(api, camera, span, path)
                new += 1
            yield path
    except ConnectionError as error:
        raise DataError(f"{api.url}: {error}") from None
    seconds = sum(span.end - span.start for span in spans)
    yield Fetched(str(out), new, len(spans) - new, round(seconds, 1))


def _spans(
    api: FrigateApi,
    camera: str,
    since: float,
    until: float,
    which: Which,
    labels: str | None,
    longest_s: float,
) -> list[Span]:
    query = {"after": since, "before": until}
    segments = [
        Span(float(one["start_time"]), float(one["end_time"]))
        for one in _listed(api, [camera, "recordings"], query, ("start_time", "end_time"))
    ]
    if which != "all":
        events = list(_events(api, camera, since, until, labels))
        wanted = which == "with-events"
        segments = [
            one
            for one in segments
            if wanted == any(one.start < e.end and e.start < one.end for e in events)
        ]
    spans: list[Span] = []
    for one in sorted(segments, key=lambda one: one.start):
        last = spans[-1] if spans else None
        if last and one.start - last.end <= _GAP_S and one.end - last.start <= longest_s:
            spans[-1] = Span(last.start, max(last.end, one.end))
        else:
            spans.append(one)
    return spans


def _events(
    api: FrigateApi, camera: str, since: float, until: float, labels: str | None
) -> Iterator[Span]:
    """Yield the events of a camera, newest first, a page at a time; one that lasts has no end."""
    # An event that began earlier may reach into the time: a day is longer than any.
    query: dict[str, Any] = {"cameras": camera, "after": since - 86400, "limit": _PAGE}
    query |= {"labels": labels} if labels else {}
    before = until
    while True:
        page = _listed(api, ["events"], {**query, "before": before}, ("start_time",))
        for one in page:
            end = one.get("end_time")
            last = math.inf if end is None else float(end)
            yield Span(float(one["start_time"]) - _AROUND_S, last + _AROUND_S)
        if len(page) < _PAGE:
            return
        before = min(float(one["start_time"]) for one in page)


def _listed(
    api: FrigateApi, path: list[str], query: dict[str, Any], numbers: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Ask for a list of objects in which these are numbers."""
    found = api.ask("GET", path, query=query)
    if not isinstance(found, list) or not all(
        isinstance(one, dict) and all(isinstance(one.get(n), int | float) for n in numbers)
        for one in found
    ):
        raise DataError(f"{api.url} answers /{'/'.join(path)} otherwise than Frigate does")
    return found


def _download(api: FrigateApi, camera: str, span: Span, path: Path) -> None:
    parts = [camera, "start", f"{span.start:.3f}", "end", f"{span.end:.3f}", "clip.mp4"]
    with write_whole(path) as partial:
        with api.stream("GET", parts) as answer, partial.open("wb") as file:
            shutil.copyfileobj(answer, file)
        if not partial.stat().st_size:
            raise ConnectionError("the clip is empty")
