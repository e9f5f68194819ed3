"""Text of strangers, such as names of videos and cameras, made fit to be shown."""

from __future__ import annotations

import codecs
import hashlib
import re
import sys
import unicodedata
from pathlib import Path

from vadkit.errors import DataError

# A file's name may have 255 bytes; an ending and a temporary name need some of them.
_LONGEST = 180
_BYTE_LOW, _BYTE_HIGH = 0xDC80, 0xDCFF


def printable(text: str, most: int = 500) -> str:
    """Text for a terminal or a log, on one line, without characters that control a terminal.

    Control characters, characters that reverse the direction of text, and bytes of a file name
    that are not UTF-8 come as ``\\x1b``, ``\\u202e`` and ``\\xff``. Longer text than ``most``
    characters is cut in its middle.
    """
    shown = "".join(map(_printable, text))
    if len(shown) > most:
        half = (most - 3) // 2
        shown = f"{shown[:half]}...{shown[-half:]}"
    return shown


def _printable(character: str) -> str:
    code = ord(character)
    if _BYTE_LOW <= code <= _BYTE_HIGH:
        # Python keeps a byte of a file name that is not UTF-8 as such a surrogate.
        return f"\\x{code - 0xDC00:02x}"
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    return character


def encodable(name: str) -> str:
    """A file name as text that UTF-8, a database or a web page can hold.

    Bytes that are not UTF-8 come as ``\\xff``; everything else stays as it is.
    """
    return "".join(_printable(one) if 0xD800 <= ord(one) <= 0xDFFF else one for one in name)


def shortened(name: str) -> str:
    """A name for a file: a digest stands in the place of what would make it too long."""
    data = name.encode("utf-8", "surrogatepass")
    if len(data) <= _LONGEST:
        return name
    kept = data[: _LONGEST - 17].decode("utf-8", "ignore")
    return f"{kept}-{hashlib.blake2b(data, digest_size=8).hexdigest()}"


def video_file(folder: Path, video: str, ending: str) -> Path:
    """The file of a data set's video below a folder: its id, which may hold slashes, and ending.

    Raises ``DataError`` for an id that leads out of the folder.
    """
    if video.startswith("/") or ".." in video.split("/") or "\0" in video:
        raise DataError(
            f"'{printable(video)}' cannot be the name of a video: it leads out of {folder}"
        )
    above, _, name = video.rpartition("/")
    return folder / above / f"{shortened(name)}{ending}"


def plot_text(text: str) -> str:
    """Text for Matplotlib as it stands: no formula between dollars, no label hidden by a "_"."""
    shown = printable(text, 100).replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


def print_anything() -> None:
    """Let stdout and stderr take any text, whatever their encoding.

    On stdout bytes of file names go out as they are; what the encoding lacks comes as ``\\u3042``.
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
    """A name fit for ids, file names and headers: ASCII letters, digits, ``.``, ``_`` and ``-``.

    Where that changes the name, a digest of it follows, so that two names never become one. It is
    the same for the same name, always.
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("._-")[:most]
    if plain == name:
        return plain
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{plain}-{digest}" if plain else digest
