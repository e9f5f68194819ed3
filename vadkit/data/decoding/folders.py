"""Folders of images as videos: which files are frames, and in which order."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vadkit.data.decoding.suffixes import IMAGE_SUFFIXES
from vadkit.text import printable

_log = logging.getLogger("vadkit.data")
_DECIMAL = re.compile(r"(.*?)(\d+)(?:\.(\d+))?", re.DOTALL)


def image_files(folder: Path) -> list[Path]:
    """Return the images directly in a folder, in the order of frames.

    The order is natural (``2.png`` before ``10.png``), or by value if all names are decimal numbers
    of different lengths, such as times: ``1696092107.11.png`` before ``1696092107.9.png``.
    """
    found = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES]
    found = [path for path in found if not path.name.startswith(".")]
    key = _order([path.name for path in found])
    return sorted(found, key=lambda path: key(path.name))


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """A sort key that compares digits as numbers."""
    # Python does not convert numbers of more than 4,300 digits.
    parts = re.split(r"(\d{1,4000})", name.lower())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]


def order_doubt(names: Sequence[str]) -> str | None:
    """Return why the order of images, given by their names, is unsure; None if it is clear."""
    if len(names) < 2:
        return None
    stems = [_stem(name) for name in names]
    bare = [name for name, stem in zip(names, stems, strict=True) if not re.search(r"\d", stem)]
    if bare:
        return f"{_some(bare)} without a number in the name, so the order is alphabetical"
    decimals, by_value = _decimals(stems), _by_value(stems)
    if decimals is not None:
        value_order = sorted(stems, key=decimals.__getitem__)
        natural = sorted(stems, key=natural_key)
        pairs = zip(value_order, natural, strict=True)
        apart = next(((one, other) for one, other in pairs if one != other), None)
        if apart:
            first, second = apart if by_value else reversed(apart)
            read = "decimal numbers" if by_value else "pairs of whole numbers"
            return f"names are read as {read}, so {first} comes before {second}"
    if not by_value:
        forms = {re.sub(r"\d+", "#", stem.lower()): stem for stem in stems}
        if len(forms) > 1:
            return f"names of different forms, such as {_listed([*forms.values()])}, are mixed"
    seen: dict[Any, str] = {}
    for name, stem in zip(names, stems, strict=True):
        other = seen.setdefault(str(natural_key(stem)), name)
        if other != name:
            return f"{_listed([other, name])} have the same number"
    return None


def decimal_names(names: Sequence[str]) -> bool:
    """Whether images are named by decimal numbers, such as times in seconds."""
    matches = [_DECIMAL.fullmatch(_stem(name)) for name in names]
    return all(matches) and any(match is not None and match[3] for match in matches)


@functools.cache
def warn_of_order(folder: Path) -> None:
    """Warn, once a process, if the order of a folder's images is unsure."""
    doubt = order_doubt([path.name for path in image_files(folder)])
    if doubt:
        _log.warning(
            "%s: the order of the images is unsure: %s; number them in the order of the frames",
            printable(str(folder)),
            doubt,
        )


def _order(names: Sequence[str]) -> Callable[[str], Any]:
    stems = [_stem(name) for name in names]
    decimals = _decimals(stems) if _by_value(stems) else None
    if decimals is not None:
        return lambda name: (decimals[_stem(name)], name)
    # Equal numbers come in the order of their names, not in that of the disk.
    return lambda name: (natural_key(name), name)


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


def _decimals(stems: Sequence[str]) -> dict[str, tuple[int, str]] | None:
    """Return whole part and fraction of names that are decimal numbers of different lengths.

    Fractions compare like text. None for other names.
    """
    matches = {stem: _DECIMAL.fullmatch(stem) for stem in stems}
    found = {stem: match.groups() for stem, match in matches.items() if match}
    if len(found) < len(matches) or len({prefix for prefix, _, _ in found.values()}) > 1:
        return None
    if len({len(fraction or "") for _, _, fraction in found.values()}) < 2:
        return None
    return {stem: (int(whole), fraction or "") for stem, (_, whole, fraction) in found.items()}


def _by_value(stems: Sequence[str]) -> bool:
    """Whether names are decimal numbers, and not pairs of whole numbers such as 1.9 and 1.10.

    Programs that write numbers of different lengths leave out zeros at the end of a fraction.
    """
    decimals = _decimals(stems)
    return decimals is not None and not any(
        len(fraction) > 1 and fraction.endswith("0") for _, fraction in decimals.values()
    )


def _some(names: Sequence[str]) -> str:
    return f"{len(names)} image{'s' * (len(names) != 1)} such as {printable(names[0], 100)}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(printable(name, 100) for name in names[:2])
