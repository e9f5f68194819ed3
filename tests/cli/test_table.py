"""Tables that fit a width: what is kept whole, and where it goes."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from vadkit.cli.table import Cell, print_table, shows_bold, wrap_paragraphs


def printed(heads, rows, width=80, **options):
    console = Console(file=io.StringIO(), width=width, highlight=False)
    print_table(console, heads, rows, **options)
    return console.file.getvalue().splitlines()


def row(name, count):
    return [Cell(name, "(as published)"), *(Cell("0.8123", "[0.651, 0.940]") for _ in range(count))]


HEADS = ["protocol", "micro-auc", "macro-auc", "padded-macro-auc", "ap", "eer"]


def test_notes_go_next_to_texts_then_below_then_columns_go_into_blocks():
    wide = printed(HEADS[:5], [row("raw", 4)], width=120)
    assert len(wide) == 2 and wide[1].count("0.8123 [0.651, 0.940]") == 4
    below = printed(HEADS[:5], [row("raw", 4)])
    assert [line.split() for line in below[:2]] == [HEADS[:5], ["raw", *["0.8123"] * 4]]
    assert below[2].count("[0.651, 0.940]") == 4 and below[2].startswith("(as published)")
    # Numbers and their intervals end in the same column.
    ends = [i for i in range(len(below[1])) if below[1].startswith("0.8123", i - 6)]
    assert all(below[2][end - 1] == "]" for end in ends)
    blocks = printed(HEADS, [row("raw", 5), row("online", 5)])
    assert [line.split()[0] for line in blocks if line and not line.startswith(("(", " "))] == (
        ["protocol", "raw", "online"] * 2
    )


def test_a_long_name_has_its_own_line_and_is_not_broken():
    name = "camera-" + "x" * 90
    lines = printed(["video", "frames", "size"], [["a", "12", "640x480"], [name, "7", "64x48"]])
    assert lines[2] == name
    assert lines[3].split() == ["7", "64x48"]
    assert lines[1].split() == ["a", "12", "640x480"]


def test_text_is_wrapped_next_to_cells_or_below():
    words = "many words of advice " * 6
    lines = printed(["name", "about"], [["a", words]], text=True)
    assert lines[0].split() == ["name", "about"] and lines[1].startswith("a     many words")
    assert all(line.startswith("      ") for line in lines[2:])
    lines = printed(["name", "about"], [["n" * 50, words]], text=True)
    assert lines[:2] == ["name", "n" * 50] and lines[2].startswith("    many words")


WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=12)
CELLS = st.builds(Cell, WORDS, st.one_of(st.just(""), WORDS))


@given(
    st.integers(1, 9).flatmap(
        lambda count: st.lists(
            st.lists(CELLS, min_size=count, max_size=count), min_size=1, max_size=4
        )
    ),
    st.integers(52, 140),
)
def test_no_line_is_too_long_and_no_cell_is_broken(rows, width):
    lines = printed(["h"] * len(rows[0]), rows, width)
    assert all(cell_len(line) <= width for line in lines)
    text = "\n".join(lines)
    for one in rows:
        for cell in one:
            assert cell.text in text and cell.note in text


@pytest.mark.parametrize(
    ("options", "bold"),
    [
        ({}, False),
        ({"force_terminal": True, "color_system": "standard"}, True),
        ({"force_terminal": True, "color_system": None}, False),
    ],
)
def test_bold_is_used_only_if_it_is_visible(options, bold):
    assert shows_bold(Console(file=io.StringIO(), **options)) is bold


def test_markup_of_names_is_text():
    assert printed(["video"], [["[bold]a[/]"]])[1] == "[bold]a[/]"


def test_paragraphs_and_lists_are_wrapped_at_their_indent():
    text = "One line\nand its rest.\n\n- an item of several words\n  with a rest\n- another"
    assert wrap_paragraphs(text, 16) == (
        "One line and its\nrest.\n\n- an item of\n  several words\n  with a rest\n- another"
    )
