"""Text of strangers, such as names of videos and cameras, made fit to be shown."""

from __future__ import annotations

import unicodedata


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
    if 0xDC80 <= code <= 0xDCFF:
        # Python keeps a byte of a file name that is not UTF-8 as such a surrogate.
        return f"\\x{code - 0xDC00:02x}"
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    return character
