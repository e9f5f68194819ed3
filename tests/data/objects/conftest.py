"""A tiny YOLO-like network as ONNX bytes, written field by field, so that tests need no exporter.

On a square picture it puts one box of 4x4 pixels on every cell of 4x4 pixels; the score of class 0
is the cell's mean red and that of class 1 its mean blue, both in 0..1.
"""

import numpy as np
import pytest

FLOAT, INT64 = 1, 7


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def block(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def tensor(name, array):
    kind = INT64 if array.dtype == np.int64 else FLOAT
    dims = b"".join(number(1, side) for side in array.shape)
    return dims + number(2, kind) + block(8, name) + block(9, array.tobytes())


def value_info(name, shape):
    dims = b"".join(block(1, number(1, side)) for side in shape)
    return block(1, name) + block(2, block(1, number(1, FLOAT) + block(2, dims)))


def node(operator, inputs, output, **attributes):
    content = b"".join(block(1, name) for name in inputs) + block(2, output) + block(4, operator)
    for name, values in attributes.items():
        ints = b"".join(number(8, value) for value in values)
        content += block(5, block(1, name) + ints + number(20, 7))
    return content


@pytest.fixture
def tiny_yolo(tmp_path):
    """A function that writes the network and gives its path."""

    def write(size=64, *, objectness=False):
        path = tmp_path / "tiny.onnx"
        path.write_bytes(model(size, objectness))
        return path

    return write


def model(size, objectness):
    """ONNX bytes; with ``objectness`` in the layout of YOLOv5, else in that of YOLOv8."""
    channels, cells = 7 if objectness else 6, size // 4
    kernel = np.zeros((channels, 3, 4, 4), np.float32)
    kernel[-2, 0] = kernel[-1, 2] = 1 / 16
    grid = np.zeros((1, channels, cells, cells), np.float32)
    grid[0, 0] = np.arange(cells) * 4 + 2
    grid[0, 1] = grid[0, 0].T
    grid[0, 2:4] = 4
    if objectness:
        grid[0, 4] = 0.9
    nodes = [
        node("Conv", ["picture", "kernel"], "mean", kernel_shape=[4, 4], strides=[4, 4]),
        node("Add", ["mean", "grid"], "cells"),
        node("Reshape", ["cells", "shape"], "columns"),
    ]
    shape = (1, channels, cells * cells)
    if objectness:
        nodes.append(node("Transpose", ["columns"], "rows", perm=[0, 2, 1]))
        shape = (1, cells * cells, channels)
    weights = [
        tensor("kernel", kernel),
        tensor("grid", grid),
        tensor("shape", np.array([1, channels, cells * cells], np.int64)),
    ]
    graph = (
        b"".join(block(1, one) for one in nodes)
        + block(2, "tiny")
        + b"".join(block(5, one) for one in weights)
        + block(11, value_info("picture", (1, 3, size, size)))
        + block(12, value_info("rows" if objectness else "columns", shape))
    )
    return number(1, 7) + block(7, graph) + block(8, block(1, "") + number(2, 12))
