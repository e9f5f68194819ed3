"""Make untrusted text, such as names of videos and cameras, safe to show."""

from __future__ import annotations

import codecs
import hashlib
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from vadkit.errors import DataError

# A file's name may have 255 bytes; an extension and a temporary name need some of them.
_LONGEST = 180
_BYTE_LOW, _BYTE_HIGH = 0xDC80, 0xDCFF


def printable(text: str, most: int = 500) -> str:
    """Return text on one line, without characters that control a terminal.

    Control characters, characters that reverse the direction of text, and bytes of a file name that
    are not UTF-8 become ``\\x1b``, ``\\u202e`` and ``\\xff``. Text longer than ``most`` characters
    is cut in the middle.
    """
    shown = "".join(map(_printable, text))
    if len(shown) > most:
        half = (most - 3) // 2
        shown = f"{shown[:half]}...{shown[-half:]}"
    return shown


def _printable(character: str) -> str:
    code = ord(character)
    if _BYTE_LOW <= code <= _BYTE_HIGH:
        # Python represents a byte of a file name that is not UTF-8 as such a surrogate.
        return f"\\x{code - 0xDC00:02x}"
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    return character


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 video", "2,000 videos"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def encodable(name: str) -> str:
    """Return a file name as text that UTF-8, a database or a web page can contain.

    Bytes that are not UTF-8 become ``\\xff``; all other text is unchanged.
    """
    return "".join(_printable(one) if 0xD800 <= ord(one) <= 0xDFFF else one for one in name)


def shortened(name: str) -> str:
    """Return a file name; if it is too long, a digest replaces the end."""
    data = name.encode("utf-8", "surrogatepass")
    if len(data) <= _LONGEST:
        return name
    kept = data[: _LONGEST - 17].decode("utf-8", "ignore")
    return f"{kept}-{hashlib.blake2b(data, digest_size=8).hexdigest()}"


def same_on_disk(name: str) -> str:
    """Return a key that is equal for names that some disks take for the same file.

    Disks of Windows and macOS ignore capitals, and how an accent is written.
    """
    return unicodedata.normalize("NFC", name).casefold()


def file_names(names: Iterable[str]) -> dict[str, str]:
    """Return a file name without ending for each name; different names never share one.

    Characters that some disks or programs refuse become ``-``. Names that become equal get a
    digest, and so do names that are too long.
    """
    plain = {
        name: shortened(re.sub(r"[^\w.-]+", "-", name).lstrip(".") or "-")
        for name in dict.fromkeys(names)
    }
    count = Counter(map(same_on_disk, plain.values()))
    return {
        name: file if count[same_on_disk(file)] == 1 else f"{file}-{name_digest(name)}"
        for name, file in plain.items()
    }


def name_digest(name: str) -> str:
    """Return eight hex digits that separate equal names of files."""
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()


def video_file(folder: Path, video: str, ending: str) -> Path:
    """Return the file of a data set's video below a folder, from its id and the file ending.

    An id may contain slashes. Raises ``DataError`` for an id that leads out of the folder.
    """
    if video.startswith("/") or ".." in video.split("/") or "\0" in video:
        raise DataError(
            f"'{printable(video)}' cannot be the name of a video: it leads out of {folder}"
        )
    above, _, name = video.rpartition("/")
    return folder / above / f"{shortened(name)}{ending}"


def plot_text(text: str) -> str:
    """Return text that Matplotlib shows unchanged, without formulas in ``$`` or hidden labels."""
    shown = printable(text, 100).replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


def print_anything() -> None:
    """Let stdout and stderr accept any text in any encoding.

    Bytes of file names go to stdout unchanged; characters that the encoding lacks become
    ``\\u3042``.
    """
    codecs.register_error("vadkit", _encoded_anyway)
    for stream, errors in ((sys.stdout, "vadkit"), (sys.stderr, "backslashreplace")):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=errors)


def _encoded_anyway(error: UnicodeError) -> tuple[bytes | str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    if all(_BYTE_LOW <= ord(one) <= _BYTE_HIGH for one in text):
        return bytes(ord(one) - 0xDC00 for one in text), error.end
    return codecs.backslashreplace_errors(error)


def ascii_name(name: str, most: int = 80) -> str:
    """Return a name for ids, files and headers: ASCII letters, digits, ``.``, ``_`` and ``-``.

    If this changes the name, a digest is appended, so that two names never become equal. The same
    name always gives the same result.
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("._-")[:most]
    if plain == name:
        return plain
    return f"{plain}-{name_digest(name)}" if plain else name_digest(name)
