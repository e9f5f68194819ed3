"""Changes to text, to trees of plain data and to bytes that a stranger may have made."""

from __future__ import annotations

import copy
import random
from typing import Any

WORDS = [
    *(
        "",
        " ",
        "null",
        "true",
        "~",
        "[]",
        "{}",
        "[[]]",
        "- ",
        ": ",
        "&a",
        "*a",
        "<<: *a",
        "!!int x",
    ),
    *(
        "!!python/object/apply:os.system [ls]",
        "'",
        '"',
        '"\\0"',
        "\t",
        "\ufeff",
        "%YAML 9\n",
        "---",
    ),
    *(
        "..",
        "...",
        "/",
        "../../x",
        "é" * 200,
        "n" * 300,
        "a\\nb",
        "\\x1b[31m",
        "\u202e",
        "²",
        "x\0y",
    ),
    *("9" * 30, "9" * 5000, "-1", "1e999", ".nan", ".inf", "0x" + "f" * 99, "1:2:3", "1_0", "2.5"),
    *("[" * 60, "{a: " * 60, "type: unet", "{type: unet}", "type:", "os:system", "synthetic"),
]
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, -(2**63), 10**30, 0.5, -0.5, 1e308, 1e-308),
    *("", " ", "x", "..", "a/b", "a\nb", "\0", "\x1b[31m", "\u202e", "²", "n" * 300, "9" * 5000),
    *("os:system", "unet", "auto", "synthetic", [], {}, [[]], [None], {"type": None}, {"": {}}),
    *({"type": "unet"}, {"type": "os:system"}, [1, 2], [1.5, "x"], {"type": "adam", "lr": -1}),
]


def mutate_text(text: str, draw: random.Random) -> str:
    """A text with one to three changes of lines or of characters."""
    for _ in range(draw.randint(1, 3)):
        lines = text.split("\n")
        at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
        match draw.randrange(8):
            case 0:
                del lines[at]
            case 1:
                lines.insert(other, lines[at])
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines[at] = lines[at][: draw.randint(0, len(lines[at]))]
            case 4:
                lines[at] = " " * draw.randint(0, 9) + lines[at]
            case 5:
                place = draw.randint(0, len(lines[at]))
                lines[at] = lines[at][:place] + draw.choice(WORDS) + lines[at][place:]
            case 6:
                key, colon, _ = lines[at].partition(": ")
                lines[at] = key + (colon or ": ") + draw.choice(WORDS)
            case 7:
                half = draw.randint(0, len(lines[other]))
                lines[at] = lines[at][: draw.randint(0, len(lines[at]))] + lines[other][half:]
        text = "\n".join(lines)
    return text


def mutate_tree(tree: Any, draw: random.Random) -> Any:
    """Plain data with one to three values dropped, doubled, renamed, nested or replaced."""
    tree = copy.deepcopy(tree)
    for _ in range(draw.randint(1, 3)):
        holders = list(_holders(tree))
        if not holders:
            return draw.choice(VALUES)
        holder, key = draw.choice(holders)
        match draw.randrange(6):
            case 0:
                del holder[key]
            case 1:
                holder[key] = copy.deepcopy(draw.choice(VALUES))
            case 2:
                name = draw.choice(["", "x", "type", "n" * 300, "²", "\0", "a.b", f"{key}s", "\n"])
                if isinstance(holder, dict):
                    holder[name] = holder.pop(key)
                else:
                    holder.insert(key, copy.deepcopy(holder[key]))
            case 3:
                for _ in range(draw.choice([1, 2, 99])):
                    holder[key] = draw.choice([[holder[key]], {str(key): holder[key]}])
            case 4:
                source, place = draw.choice(holders)
                if key in _keys(holder) and place in _keys(source):
                    holder[key] = copy.deepcopy(source[place])
            case 5:
                if isinstance(holder, dict):
                    holder[f"{key}{draw.randint(0, 9)}"] = copy.deepcopy(holder[key])
                else:
                    holder.extend([copy.deepcopy(holder[key])] * draw.choice([1, 40]))
    return tree


def mutate_bytes(content: bytes, draw: random.Random) -> bytes:
    """Bytes with one to three changes: cut, flipped, doubled, overwritten."""
    for _ in range(draw.randint(1, 3)):
        at, end = sorted(draw.randrange(len(content) + 1) for _ in range(2))
        match draw.randrange(5):
            case 0:
                content = content[:at]
            case 1:
                content = content[:at] + content[end:]
            case 2:
                content = content[:at] + bytes([draw.randrange(256)]) + content[at + 1 :]
            case 3:
                content = content[:end] + content[at:]
            case 4:
                filler = draw.choice([b"\0", b"\xff", b"\x7f"]) * draw.choice([1, 4, 8])
                content = content[:at] + filler + content[at + len(filler) :]
    return content


def _holders(tree: Any) -> Any:
    for key in _keys(tree):
        yield tree, key
        yield from _holders(tree[key])


def _keys(tree: Any) -> list[Any]:
    if isinstance(tree, dict):
        return list(tree)
    return list(range(len(tree))) if isinstance(tree, list) else []
