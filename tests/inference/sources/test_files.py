"""Files and folders of images as sources: every frame, with its time."""

import cv2
import numpy as np
import pytest

from vadkit.errors import DataError
from vadkit.inference.sources.files import FileSource
from vadkit.inference.sources.source import Frame, SourceEvent

FPS, FRAMES = 25, 50


def read(source):
    items = list(source.read())
    return items, [item for item in items if isinstance(item, Frame)]


def test_a_file_gives_every_frame_with_its_time(clip):
    source = FileSource(clip)
    items, frames = read(source)
    assert (source.name, source.live) == ("gate", False)
    assert items[0] == SourceEvent("opened", 0.0, fps=FPS, size=(48, 64))
    assert [frame.time for frame in frames] == [index / FPS for index in range(FRAMES)]
    assert all(frame.missed == 0 and frame.arrived > 0 for frame in frames)
    means = [frame.image.mean() for frame in frames]
    np.testing.assert_allclose(means, [20 + 4 * index for index in range(FRAMES)], atol=2)
    assert items[-1] == SourceEvent("ended", (FRAMES - 1) / FPS)


def test_times_of_a_varying_rate_are_those_in_the_file(tmp_path, write_video):
    times = [0.0, 0.04, 0.08, 0.5, 0.54, 0.9, 1.7]
    write_video(tmp_path / "uneven.mkv", times)
    _, frames = read(FileSource(tmp_path / "uneven.mkv"))
    np.testing.assert_allclose([frame.time for frame in frames], times, atol=1e-9)


def test_frames_are_resized_and_gray_on_request(clip):
    _, frames = read(FileSource(clip, size=(24, 32), channels="gray"))
    assert {frame.image.shape for frame in frames} == {(24, 32, 1)}


def test_a_folder_of_images(tmp_path):
    for number in (10, 2):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((8, 8, 3), number, np.uint8))
    source = FileSource(tmp_path)
    _, frames = read(source)
    assert source.name == tmp_path.name
    assert [(frame.time, frame.image.mean()) for frame in frames] == [(0.0, 2), (0.04, 10)]


def test_a_closed_file_source_stops(clip):
    source = FileSource(clip)
    items = source.read()
    next(items)
    next(items)
    source.close()
    assert list(items) == []
    assert len(read(source)[1]) == FRAMES, "it can be read again"


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "bad.mp4").write_text("no video")
    with pytest.raises(DataError, match=r"no reader can open .*bad\.mp4"):
        read(FileSource(tmp_path / "bad.mp4"))
