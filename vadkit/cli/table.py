"""Tables and paragraphs that fit the terminal, or 80 columns in a pipe, without broken numbers."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_GAP = 2
# A narrower text column is printed on separate lines below each row.
_NARROWEST_TEXT = 40
# The width of row names in a table of several blocks.
_NAMES_OF_BLOCKS = 24
_INDENT = 4
_WIDEST = 100_000
_ITEM = re.compile(r"\s*- ")


@dataclass(frozen=True)
class Cell:
    """One cell: ``text``, a ``note`` next to or below it, such as an interval, and a rich style."""

    text: str
    note: str = ""
    style: str = ""


def open_console(*, one_line: bool = False) -> Console:
    """Return the console of stdout; its width is 80 if stdout is no terminal.

    With ``one_line``, it is then wide enough for each row to be one line, for other programs.
    """
    from rich.console import Console

    console = Console(highlight=False)
    if one_line and not console.is_terminal:
        console = Console(highlight=False, width=_WIDEST)
    return console


def shows_bold(console: Console) -> bool:
    """Whether bold text looks different from other text there."""
    return console.is_terminal and console.color_system is not None


def print_table(
    console: Console,
    heads: Sequence[str] | None,
    rows: Sequence[Sequence[Cell | str]],
    *,
    left: int = 1,
    text: bool = False,
) -> None:
    """Print rows, below their headings if given, in the width of the console.

    The first column names the row. The first ``left`` columns are aligned to the left, the others
    to the right. With ``text``, the last column is text that may be wrapped; no other cell is
    broken. If the table is too wide, notes go below their texts, then long names go on separate
    lines, then columns go to further blocks below, which repeat the names.
    """
    head = [] if heads is None else [[Cell(one, style="bold") for one in heads]]
    cells = [[_cell(one) for one in row] for row in [*head, *rows]]
    texts = [row.pop().text for row in cells] if text else []
    blocks = _blocks(cells, console.width)
    for block in blocks:
        if block is not blocks[0]:
            console.print()
        own = texts if block is blocks[-1] else []
        for line in _block_lines(cells, block, left, own, console.width, len(head)):
            line.rstrip()
            console.print(line, soft_wrap=True)


def wrap_paragraphs(text: str, width: int) -> str:
    """Wrap paragraphs and list items; each keeps the indent of its first line."""
    done = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        items: list[list[str]] = []
        for line in block.split("\n"):
            if not items or _ITEM.match(line):
                items.append([line])
            else:
                items[-1].append(line)
        done.append("\n".join(_wrap_item(lines, width) for lines in items))
    return "\n\n".join(done)


def _wrap_item(lines: list[str], width: int) -> str:
    first = lines[0]
    indent = " " * (len(first) - len(first.lstrip()))
    further = indent + "  " * bool(_ITEM.match(first))
    return textwrap.fill(
        " ".join(line.strip() for line in lines),
        width,
        initial_indent=indent,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _cell(value: Cell | str) -> Cell:
    return Cell(value) if isinstance(value, str) else value


def _width(cell: Cell, side_by_side: bool) -> int:
    from rich.cells import cell_len

    text, note = cell_len(cell.text), cell_len(cell.note)
    if not note:
        return text
    return text + 1 + note if side_by_side else max(text, note)


@dataclass(frozen=True)
class _Block:
    """Columns that are printed side by side, their widths, and whether notes are next to texts."""

    columns: list[int]
    widths: list[int]
    side_by_side: bool

    @property
    def width(self) -> int:
        return sum(self.widths) + _GAP * (len(self.widths) - 1)


def _blocks(rows: list[list[Cell]], width: int) -> list[_Block]:
    """Divide the columns into blocks that fit; each begins with the names of the rows."""
    for side_by_side in (True, False):
        widths = [
            max(_width(cell, side_by_side) for cell in column) for column in zip(*rows, strict=True)
        ]
        whole = _Block(list(range(len(widths))), widths, side_by_side)
        if whole.width <= width:
            return [whole]
    # Longer names are printed on separate lines.
    room = width - (whole.width - widths[0])
    least = min(widths[0], _NAMES_OF_BLOCKS)
    if room >= least:
        return [replace(whole, widths=[min(room, widths[0]), *widths[1:]])]
    blocks = [_Block([0], [least], False)]
    for column in range(1, len(widths)):
        last = blocks[-1]
        if last.width + _GAP + widths[column] > width and len(last.columns) > 1:
            last = _Block([0], [least], False)
            blocks.append(last)
        last.columns.append(column)
        last.widths.append(widths[column])
    return blocks


def _block_lines(
    rows: list[list[Cell]],
    block: _Block,
    left: int,
    texts: list[str],
    width: int,
    heads: int,
) -> Iterator[Text]:
    """Yield the lines of a block, with the text of each row next to or below its cells."""
    from rich.text import Text

    start = block.width + _GAP
    side_by_side = width - start >= _NARROWEST_TEXT
    for number, row in enumerate(rows):
        chosen = [row[column] for column in block.columns]
        if _width(chosen[0], block.side_by_side) > block.widths[0]:
            yield Text(" ".join(filter(None, [chosen[0].text, chosen[0].note])), chosen[0].style)
            chosen[0] = Cell("")
        lines = _cell_lines(chosen, block, left)
        if texts and side_by_side:
            wrapped = _wrapped(texts[number], width - start)
            lines += [Text() for _ in wrapped[len(lines) :]]
            for line, part in zip(lines, wrapped, strict=False):
                line.append(" " * (start - line.cell_len))
                line.append(part, "bold" if number < heads else "")
        yield from lines
        if texts and not side_by_side and number >= heads:
            for part in _wrapped(texts[number], width - _INDENT):
                yield Text(" " * _INDENT + part)


def _cell_lines(row: list[Cell], block: _Block, left: int) -> list[Text]:
    """Return the line of the cells, and a line of their notes if those are not next to them."""
    from rich.text import Text

    texts, notes = Text(), Text()
    for place, (cell, width) in enumerate(zip(row, block.widths, strict=True)):
        text, note = Text(cell.text, cell.style), Text(cell.note, "dim")
        if block.side_by_side and note:
            text, note = Text.assemble(text, " ", note), Text()
        for line, part in ((texts, text), (notes, note)):
            space = " " * (width - part.cell_len)
            line.append(" " * _GAP if place else "")
            line.append_text(Text.assemble(*((part, space) if place < left else (space, part))))
    return [texts, *([notes] if notes.plain.strip() else [])]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
