"""Find references to other files in an ONNX file, without loading it.

ONNX files are protocol buffers: a message has fields with a number and a value, and values may be
messages. Only the fields that lead to tensors are followed.
"""

from __future__ import annotations

from collections.abc import Iterator

# Message -> field number -> the message in that field. Names are those of onnx.proto.
_FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_DEEPEST = 100


def external_data(content: bytes) -> str | None:
    """Return the name of another file that has a tensor's data; None if there is none.

    For a file that is not ONNX, the result is undefined; ONNX Runtime reports the error.
    """
    try:
        return next(_outside(memoryview(content), "model", 0), None)
    except (IndexError, ValueError):
        return None


def _outside(message: memoryview, kind: str, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        yield "(nested too deeply to tell)"
        return
    for number, value in _fields(message):
        if kind == "tensor":
            if number == _EXTERNAL_DATA and isinstance(value, memoryview):
                yield bytes(value).decode(errors="replace")
            elif number == _DATA_LOCATION and value != 0:
                yield "(without a name)"
        elif number in _FIELDS[kind] and isinstance(value, memoryview):
            yield from _outside(value, _FIELDS[kind][number], depth + 1)


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Yield numbers and values of a message's fields; ``ValueError`` if it is not a message."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, form = key >> 3, key & 7
        if form == 0:
            value, place = _varint(message, place)
            yield number, value
            continue
        if form == 2:
            size, place = _varint(message, place)
        elif form in (1, 5):
            size = 8 if form == 1 else 4
        else:
            raise ValueError("no field of a message")
        if place + size > len(message):
            raise ValueError("a field ends after the end of its message")
        if form == 2:
            yield number, message[place : place + size]
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """Return a number of up to 64 bits, with seven bits per byte, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number is too long")
