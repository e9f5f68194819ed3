"""Small trees in the layouts of datasets."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.own import write_labels


@pytest.fixture
def tree():
    """A function that makes files below a root: images 6 pixels wide and 4 high, else empty ones.

    ``{1..3}`` in a name stands for 1, 2, 3, or ``{001..003}`` for 001, 002, 003.
    """

    def make(root, *names):
        for name in names:
            for path in expand(str(root / name)):
                path.parent.mkdir(parents=True, exist_ok=True)
                if path.suffix in (".jpg", ".png", ".tif"):
                    cv2.imwrite(str(path), np.zeros((4, 6), np.uint8))
                else:
                    path.write_bytes(b"")
        return root

    return make


def expand(name):
    head, brace, rest = name.partition("{")
    if not brace:
        return [Path(name)]
    span, _, tail = rest.partition("}")
    first, _, last = span.partition("..")
    numbers = (f"{n:0{len(first)}d}" for n in range(int(first), int(last) + 1))
    return [path for number in numbers for path in expand(head + number + tail)]


@pytest.fixture
def own_labels():
    """A function that writes vadkit's labels, ``id=(frames, [start, end), ...)``."""

    def write(path, videos):
        write_labels(
            path, {name: Labels(spans, frames) for name, (frames, *spans) in videos.items()}
        )
        return path

    return write


@pytest.fixture
def ids():
    """A function from a dataset and a split to the videos' ids."""
    return lambda dataset, split: [video.id for video in dataset.videos(split)]
