"""Tables: spellings of columns, decimal commas, and Excel files."""

import datetime
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.tables import columns_of, decimal_point, read_sheet, separator_of
from vadkit.errors import DataError


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        (["Video_Name", "Start Frame", "end-frame"], ["video", "start_frame", "end_frame"]),
        (["file", "start (s)", "End [sec]"], ["video", "start_s", "end_s"]),
        (["clip", "start_time", "endTime"], ["video", "start_s", "end_s"]),
        (["name", "Begin", "stop", "nFrames"], ["video", "start", "end", "frames"]),
        (["video", "weather"], ["video", "weather"]),
    ],
)
def test_spellings_of_columns(header, columns):
    known = ("video", "start", "end", "start_frame", "end_frame", "start_s", "end_s", "frames")
    assert columns_of(header, known) == columns


@given(st.integers(0, 10**6), st.integers(0, 999), st.sampled_from(["", "-", "+"]))
def test_a_decimal_comma_is_a_point(whole, rest, sign):
    text = f"{sign}{whole},{rest:03d}"
    assert decimal_point(text) == text.replace(",", ".")


@given(st.text())
def test_other_text_is_unchanged(text):
    changed = decimal_point(text)
    assert changed == text or (text.count(",") == 1 and changed == text.replace(",", "."))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_of_a_header(separator):
    assert separator_of(separator.join(["video", "start", "end"])) == separator


def write_sheet(path, *sheets):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"part {number}")
        for row in rows:
            sheet.append(row)
    book.save(path)


def test_an_excel_file(tmp_path):
    path = tmp_path / "l.xlsx"
    rows = [
        ["video", "start", "end"],
        ["a", 2, 4.5],
        [7, datetime.time(0, 1, 2), True],
        [],
        ["b", None, None],
    ]
    write_sheet(path, rows, [])
    assert read_sheet(path) == [
        (1, ["video", "start", "end"]),
        (2, ["a", "2", "4.5"]),
        (3, ["7", "00:01:02", "1"]),
        (5, ["b", "", ""]),
    ]
    write_sheet(path, rows, rows)
    with pytest.raises(DataError, match=r"l\.xlsx has 2 sheets \(part 0, part 1\); save the one"):
        read_sheet(path)
    write_sheet(path, [])
    assert read_sheet(path) == []


def test_broken_excel_files(tmp_path):
    pytest.importorskip("openpyxl")
    path = tmp_path / "l.xlsx"
    with pytest.raises(DataError, match="not found"):
        read_sheet(path)
    path.write_bytes(b"no zip")
    with pytest.raises(DataError, match=r"l\.xlsx cannot be read as an Excel file .* as CSV"):
        read_sheet(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", b"nothing of Excel")
    with pytest.raises(DataError, match="cannot be read as an Excel file"):
        read_sheet(path)


@pytest.mark.parametrize(
    ("member", "most"), [("xl/worksheets/sheet1.xml", 256), ("xl/sharedStrings.xml", 32)]
)
def test_an_excel_file_that_unpacks_to_too_much(tmp_path, member, most):
    pytest.importorskip("openpyxl")
    path = tmp_path / "l.xlsx"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(member, "w") as file,
    ):
        for _ in range(most + 1):
            file.write(bytes(1 << 20))
    with pytest.raises(DataError, match=f"it unpacks to more than {most} MB"):
        read_sheet(path)


def test_without_openpyxl_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(DataError, match=r"needs openpyxl \(pip install 'vadkit\[tables\]'\); or"):
        read_sheet(tmp_path / "l.xlsx")
