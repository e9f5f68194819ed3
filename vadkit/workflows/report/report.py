"""Write a report on one or several runs: one HTML page, and figures for a paper."""

from __future__ import annotations

import base64
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.errors import DataError
from vadkit.text import file_names
from vadkit.workflows.progress import say
from vadkit.workflows.run import load_run, require_run
from vadkit.workflows.run_status import run_status

if TYPE_CHECKING:
    from vadkit.data.videos import Video
    from vadkit.reports.mistakes import Mistake
    from vadkit.reports.record import RunRecord
    from vadkit.workflows.report.pictures import ReportVideo, Source

MAX_BYTES = 20_000_000


@dataclass
class Report:
    """The written files: the page, its videos and figures; and notes on what is missing."""

    page: Path
    bytes: int
    videos: Path | None = None
    figures: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    runs: list[Path] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data."""
        return {
            "page": str(self.page),
            "bytes": self.bytes,
            "videos": None if self.videos is None else str(self.videos),
            "figures": [str(path) for path in self.figures],
            "notes": self.notes,
            "runs": [{"run": str(run), **run_status(run).as_data()} for run in self.runs],
        }


def report(
    runs: Sequence[Path | str],
    *,
    out: Path | None = None,
    figures: Path | None = None,
    overrides: Sequence[str] = (),
    max_bytes: int = MAX_BYTES,
    offset: int = 0,
    segment: int | None = None,
) -> Report:
    """Write a page on evaluated runs to ``out``, by default ``RUN/report/report.html`` for one run.

    Videos are inside the page if it stays below ``max_bytes``, else in a folder next to it.
    After the first run, files or folders of frame scores from other code may stand. They are shown
    on its videos and measured with its labels; ``offset`` frames of each video have no score, or
    each score is of ``segment`` frames. ``figures`` is a folder for PDF and SVG files of the plots.
    ``overrides`` change the recipes that locate the test videos. Raises ``TrainingError`` for a run
    that was not evaluated.
    """
    from vadkit.reports.page import check_page_libraries
    from vadkit.workflows.report.runs import load_records

    check_page_libraries()
    records = load_records([Path(run) for run in runs], offset=offset, segment=segment)
    if out is None:
        single = len(records) == 1
        out = records[0].folder / "report" / "report.html" if single else Path("report.html")
    if out.is_dir():
        raise DataError(
            f"cannot write the report to {out}: it is a folder; give a file name, .html"
        )
    done = _write(records, out, overrides, max_bytes)
    if figures is not None:
        from vadkit.reports.paper_figures import write_figures

        folders = file_names(record.name for record in records)
        for record in records:
            folder = figures if len(records) == 1 else figures / folders[record.name]
            done.figures += write_figures(folder, record)
    return done


def _write(records: list[RunRecord], out: Path, overrides: Sequence[str], max_bytes: int) -> Report:
    from vadkit.reports.mistakes import top_mistakes
    from vadkit.reports.page import write_page
    from vadkit.reports.page_data import run_data
    from vadkit.reports.words import difference_words
    from vadkit.workflows.report import pictures as report_pictures

    videos: list[dict[str, Video]] = []
    for record in records:
        if record.recipe:
            videos.append(report_pictures.find_videos(record, overrides))
        else:
            of_first = videos[0].items()
            videos.append({name: video for name, video in of_first if name in record.raw})
    mistakes = [top_mistakes(record.raw, record.labels) for record in records]
    wanted: dict[Source, set[int]] = {}
    frames: dict[Source, int] = {}
    for record, found, (alarms, misses) in zip(records, videos, mistakes, strict=True):
        for name, video in found.items():
            source = report_pictures.source_of(video)
            frames[source] = len(record.raw[name])
            at = {mistake.frame for mistake in (*alarms, *misses) if mistake.video == name}
            wanted.setdefault(source, set()).update(at)
    with tempfile.TemporaryDirectory(prefix="vadkit-report-") as temporary:
        recipe = load_run(records[0].folder, records[0].overrides)
        films = report_pictures.make_films(wanted, frames, recipe, Path(temporary))
        drawn = [
            _draw_mistakes(*one, films, overrides)
            for one in zip(records, mistakes, videos, strict=True)
        ]

        def page_data(places: dict[Source, dict[str, Any]]) -> dict[str, Any]:
            return {
                "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
                "differences": difference_words(records),
                "runs": [
                    run_data(record, _media_of(record, found, places), pictures)
                    for record, found, pictures in zip(records, videos, drawn, strict=True)
                ],
            }

        for record in records:
            if record.recipe:
                require_run(record.folder)
        title = " · ".join(record.name for record in records)
        names = {source: f"media-{number}" for number, source in enumerate(films)}
        inside = _encoded(films, names)
        size = write_page(out, title, page_data(_places(films, names, None)), inside)
        folder = None
        if size > max_bytes and inside:
            folder = out.with_name(f"{out.stem}-videos")
            size = write_page(out, title, page_data(_places(films, names, folder)), {})
            _move(films, names, folder)
    reasons = [note for record in records for note in record.notes]
    reasons += [
        f"No video of {source[0]}: {film.reason}." for source, film in films.items() if film.reason
    ]
    for note in reasons:
        say(note)
    return Report(out, size, folder, notes=reasons, runs=[record.folder for record in records])


def _encoded(films: dict[Source, ReportVideo], names: dict[Source, str]) -> dict[str, str]:
    return {
        names[source]: base64.b64encode(film.video.path.read_bytes()).decode()
        for source, film in films.items()
        if film.video is not None
    }


def _places(
    films: dict[Source, ReportVideo], names: dict[Source, str], folder: Path | None
) -> dict[Source, dict[str, Any]]:
    """Return where the page finds each video: in the page, or in ``folder`` next to it."""
    places: dict[Source, dict[str, Any]] = {}
    for source, film in films.items():
        if film.video is None:
            places[source] = {"media": None, "reason": f"No video: {film.reason}."}
        else:
            file = None if folder is None else f"{folder.name}/{names[source]}.mp4"
            shown = {"rate": film.video.rate, "times": film.video.times}
            media = {"id": names[source], "file": file, **shown}
            places[source] = {"media": media}
    return places


def _media_of(
    record: RunRecord, videos: dict[str, Video], places: dict[Source, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    from vadkit.workflows.report.pictures import source_of

    none = {"media": None, "reason": "The dataset no longer has this test video."}
    return {
        name: places[source_of(videos[name])] if name in videos else none for name in record.raw
    }


def _move(films: dict[Source, ReportVideo], names: dict[Source, str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for source, film in films.items():
        if film.video is not None:
            shutil.move(film.video.path, folder / f"{names[source]}.mp4")


def _draw_mistakes(
    record: RunRecord,
    mistakes: tuple[list[Mistake], list[Mistake]],
    videos: dict[str, Video],
    films: dict[Source, ReportVideo],
    overrides: Sequence[str],
) -> dict[str, list[dict[str, Any]]]:
    from vadkit.reports.page_data import mistake_data
    from vadkit.reports.thumbnails import heats
    from vadkit.workflows.report.pictures import mistake_maps, source_of

    everything = [*mistakes[0], *mistakes[1]]
    frames = {
        (one.video, one.frame): films[source_of(videos[one.video])].frames.get(one.frame)
        for one in everything
        if one.video in videos
    }
    pictured = [one for one in everything if frames.get((one.video, one.frame)) is not None]
    maps = mistake_maps(record, pictured, videos, overrides)
    heat_of = dict(zip(maps, heats(list(maps.values())), strict=True))

    def draw(one: Mistake) -> dict[str, Any]:
        place = (one.video, one.frame)
        return mistake_data(one, frames.get(place), heat_of.get(place))

    alarms, misses = ([draw(one) for one in kind] for kind in mistakes)
    return {"alarms": alarms, "misses": misses}
