"""Small videos for tests of the data side, written by PyAV."""

from __future__ import annotations

import functools
import shutil
from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from vadkit.data.store.build import build_store, plan_store
from vadkit.data.store.settings import Settings
from vadkit.data.videos import Video


@pytest.fixture
def pictures():
    """Frames of coarse random blocks (N, 32, 64, 3) uint8, each unlike the others."""
    coarse = np.random.default_rng(0).integers(0, 256, (20, 4, 8, 3))
    return np.kron(coarse, np.ones((1, 8, 8, 1))).astype(np.uint8)


@pytest.fixture
def write_video():
    """A function that writes frames as a video, lossless by default."""

    def write(path, frames, *, codec="ffv1", form=None, pixels="bgr0", fps=25, **options):
        with av.open(str(path), "w", format=form) as container:
            stream = container.add_stream(codec, rate=fps)
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = pixels
            stream.options = options
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())
        return path

    return write


@pytest.fixture
def image_folder(tmp_path):
    """A function that makes a video of gray 8x12 images valued first, first + 1, ..."""
    return functools.partial(_images, tmp_path)


def _images(where, name, frames, first=0):
    folder = where / name
    folder.mkdir()
    for index in range(frames):
        cv2.imwrite(str(folder / f"{index}.png"), np.full((8, 12), first + index, np.uint8))
    return Video(name, "train", folder)


@pytest.fixture(scope="session")
def _stored_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored")
    videos = [_images(folder, "a", 6), _images(folder, "b", 5, first=100)]
    settings = Settings(size=(8, 12), channels="gray")
    return build_store(plan_store(videos, settings, cache=folder / "cache"), settings)[0]


@pytest.fixture
def stored_pair(_stored_once, tmp_path):
    """Two stored videos of 6 and 5 gray frames, valued 0.. and 100.., for a test to change."""
    # Without the times of the files, which say when a video was last used.
    once = _stored_once[0].folder.parent
    cache = shutil.copytree(once, tmp_path / "cache", copy_function=shutil.copy)
    return [replace(video, folder=cache / video.folder.name) for video in _stored_once]
