"""What an ONNX file asks to be read beside it, found without loading the file.

ONNX is protocol buffers: a message is fields of a number and a value, and values may be messages.
Only the fields that lead to tensors are followed.
"""

from __future__ import annotations

from collections.abc import Iterator

# Message -> number of a field -> the message that it holds. Names are those of onnx.proto.
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
    """What names the data of a tensor that is kept in another file; None where there is none.

    A file that is not ONNX gives None or anything; ONNX Runtime says what is wrong with it.
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
    """Numbers and values of a message's fields; ``ValueError`` where it is none."""
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
            raise ValueError("a field ends beyond its message")
        if form == 2:
            yield number, message[place : place + size]
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A number of up to 64 bits, seven a byte, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number is too long")
