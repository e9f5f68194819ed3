"""Tables of labels and scores: text with separators, Excel sheets, and spellings of columns."""

from __future__ import annotations

import csv
import datetime
import io
import re
import zipfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from vadkit.errors import DataError
from vadkit.files import open_regular
from vadkit.text import printable

# The number of a line, from 1, and its cells.
Row = tuple[int, list[str]]

SEPARATORS = ",;\t"
SHEETS = (".xlsx", ".xlsm")
OTHER_SHEETS = (".xls", ".xlsb", ".ods", ".numbers")
# The same limits as for text files of labels and scores.
_MOST_BYTES = 256 << 20
# Texts and styles of an Excel file, which need seven times as much memory.
_MOST_OTHERS = 32 << 20
_MOST_CELLS = 30_000_000

# Spellings of columns, in lower case and without other characters than letters and digits.
_SPELLINGS = {
    "video": "video videoname videoid videofile videopath filename file name clip clipname clipid",
    "frame": "frame frameid frameindex frameidx framenumber framenum frameno",
    "abnormal": "abnormal isabnormal anomaly isanomaly anomalous isanomalous label gt groundtruth",
    "start": "start begin from onset",
    "end": "end stop to finish",
    "start_frame": "startframe beginframe fromframe framestart framebegin",
    "end_frame": "endframe stopframe toframe frameend framestop",
    "start_s": "starts startsec startsecs startsecond startseconds starttime timestart tstart "
    "begins beginsec beginseconds begintime fromsec fromseconds fromtime",
    "end_s": "ends endsec endsecs endsecond endseconds endtime timeend tend "
    "stops stopsec stopseconds stoptime tosec toseconds totime",
    "frames": "frames nframes numframes numberofframes framecount totalframes",
    "score": "score scores anomalyscore framescore prediction pred",
}


def separator_of(line: str) -> str:
    """Return the separator of a table from its first line: comma, semicolon or tab."""
    return max(SEPARATORS, key=line.count)


def columns_of(cells: Collection[str], known: Iterable[str]) -> list[str]:
    """Return the names of columns, with every spelling of a ``known`` one under its own name.

    A name that is no spelling is returned in lower case.
    """
    names = {spelling: name for name in known for spelling in _SPELLINGS[name].split()}
    plain = [cell.strip().lower() for cell in cells]
    return [names.get(re.sub(r"[^a-z0-9]+", "", cell), cell) for cell in plain]


def decimal_point(text: str) -> str:
    """Return "0.5" for "0,5", as spreadsheets write it in many languages; other text unchanged."""
    if re.fullmatch(r"[-+]?\d*,\d+([eE][-+]?\d+)?", text.strip(), re.ASCII):
        return text.replace(",", ".")
    return text


def text_rows(text: str) -> Iterator[Row]:
    """Yield the rows of a table, header included; ``csv.Error`` with the line for a broken one."""
    separator = separator_of(text.partition("\n")[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for row in reader:
            yield reader.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        raise csv.Error(f"line {reader.line_num}: {error}") from None


def read_sheet(path: Path) -> list[Row]:
    """Read the rows of an Excel file with one filled sheet, as text; times become ``0:00:02.5``.

    Raises ``DataError`` if it cannot be read, if openpyxl is missing, and for several sheets.
    """
    try:
        import openpyxl
    except ImportError:
        raise DataError(
            f"{path} is an Excel file, which needs openpyxl (pip install 'vadkit[tables]'); "
            "or save it as CSV"
        ) from None
    try:
        with open_regular(path) as file:
            with zipfile.ZipFile(file) as archive:
                _check_size(archive)
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            sheets = {sheet.title: _sheet_rows(sheet) for sheet in book.worksheets}
    except FileNotFoundError:
        raise DataError(f"table not found: {path}") from None
    except Exception as error:
        # openpyxl documents no errors; broken files raise many types from many places.
        raise DataError(
            f"{path} cannot be read as an Excel file ({printable(str(error), 200)}); save it as CSV"
        ) from None
    filled = [name for name, rows in sheets.items() if rows]
    if len(filled) > 1:
        raise DataError(
            f"{path} has {len(filled)} sheets ({printable(', '.join(filled), 200)}); "
            "save the one to read as CSV"
        )
    return sheets[filled[0]] if filled else []


def _check_size(archive: zipfile.ZipFile) -> None:
    total = others = 0
    for member in archive.infolist():
        total += member.file_size
        others += 0 if member.filename.startswith("xl/worksheets/") else member.file_size
    for size, most in ((total, _MOST_BYTES), (others, _MOST_OTHERS)):
        if size > most:
            raise ValueError(f"it unpacks to more than {most >> 20} MB")


def refuse_other_sheets(path: Path) -> None:
    """Raise ``DataError`` with advice for spreadsheets of other formats."""
    if path.suffix.lower() in OTHER_SHEETS:
        raise DataError(f"{path} is a spreadsheet; save it as .xlsx or CSV")


def _sheet_rows(sheet: Any) -> list[Row]:
    # A file may state a size that has nothing to do with its content.
    sheet.reset_dimensions()
    rows: list[Row] = []
    cells = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        cells += len(row) + 1
        if cells > _MOST_CELLS:
            raise ValueError(f"a sheet has more than {_MOST_CELLS:,} cells")
        texts = [_cell_text(cell) for cell in row]
        while texts and not texts[-1]:
            texts.pop()
        if texts:
            rows.append((number, texts))
    # Empty cells at the end of a row are not in the file.
    width = max((len(texts) for _, texts in rows), default=0)
    return [(number, texts + [""] * (width - len(texts))) for number, texts in rows]


def _cell_text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, datetime.time):
        return cell.isoformat()
    if isinstance(cell, datetime.timedelta):
        return f"0:{cell.total_seconds():f}"
    return str(cell).strip()
