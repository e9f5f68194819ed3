"""Readers give every frame, in order, upright."""

import struct

import cv2
import numpy as np
import pytest

from vadkit.data import COMPONENTS, readers
from vadkit.data.decode import probe


def as_frames(reader, path):
    return np.stack(list(reader(path)))


def rotated(path):
    """The same MP4 marked, as phones do, to be shown a quarter turn clockwise."""
    data = bytearray(path.read_bytes())
    upright = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    place = data.index(upright, data.index(b"tkhd"))
    data[place : place + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["decord", "pyav"])
@pytest.mark.parametrize("suffix", ["mkv", "avi"])
def test_lossless_video_comes_back_exactly(tmp_path, pictures, write_video, name, suffix):
    path = write_video(tmp_path / f"video.{suffix}", pictures)
    assert (as_frames(getattr(readers, name), path) == pictures).all()


@pytest.mark.parametrize("name", ["decord", "pyav"])
def test_frames_come_in_the_order_they_are_shown(tmp_path, pictures, write_video, name):
    path = write_video(
        tmp_path / "video.mp4", pictures, codec="libx264", pixels="yuv420p", bf="2", g="6"
    )
    shown = as_frames(getattr(readers, name), path).astype(int)
    nearest = [np.abs(pictures - frame).mean((1, 2, 3)).argmin() for frame in shown]
    assert nearest == list(range(len(pictures)))


def test_decord_refuses_transport_streams_whatever_their_name(tmp_path, pictures, write_video):
    path = write_video(
        tmp_path / "video.mp4", pictures, codec="libx264", form="mpegts", pixels="yuv420p"
    )
    with pytest.raises(ValueError, match="transport streams"):
        next(readers.decord(path))
    assert len(as_frames(readers.pyav, path)) == len(pictures)


@pytest.mark.parametrize(("start", "packet"), [(0, 188), (4, 192), (0, 204)])
def test_transport_streams_of_every_packet_size_are_known(tmp_path, start, packet):
    data = bytearray(packet * 5)
    data[start::packet] = b"\x47" * len(data[start::packet])
    path = tmp_path / "stream"
    path.write_bytes(data)
    assert readers.is_transport_stream(path)
    path.write_bytes(b"\x47" + bytes(2000))
    assert not readers.is_transport_stream(path)
    path.write_bytes(b"")
    assert not readers.is_transport_stream(path)


@pytest.mark.parametrize("name", ["decord", "pyav"])
def test_phone_videos_are_shown_upright(tmp_path, write_video, name):
    frames = np.zeros((3, 64, 128, 3), np.uint8)
    frames[:, :32, :64] = 255
    path = write_video(tmp_path / "video.mp4", frames, codec="libx264", pixels="yuv420p")
    shown = as_frames(getattr(readers, name), rotated(path))
    assert shown.shape == (3, 128, 64, 3)
    assert np.abs(shown - np.rot90(frames, -1, (1, 2)).astype(int)).mean() < 8
    assert probe(path).size == (128, 64)


def test_a_folder_gives_its_images_in_natural_order(tmp_path, pictures):
    for number, frame in enumerate(pictures):
        cv2.imwrite(str(tmp_path / f"frame{number}.png"), frame[..., ::-1])
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "._frame0.png").write_bytes(b"left by a Mac")
    assert (as_frames(readers.frames, tmp_path) == pictures).all()


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "tiff", "TIF"])
def test_gray_images_become_rgb(tmp_path, suffix):
    gray = np.arange(96, dtype=np.uint8).reshape(8, 12)
    cv2.imwrite(str(tmp_path / f"1.{suffix}"), gray)
    assert (as_frames(readers.frames, tmp_path)[0] == gray[..., None].repeat(3, -1)).all()


def test_a_broken_image_is_named(tmp_path):
    (tmp_path / "7.png").write_bytes(b"nothing of the sort")
    with pytest.raises(ValueError, match=r"7\.png"):
        next(readers.frames(tmp_path))


def test_natural_order_knows_numbers_and_odd_digits():
    names = ["f10", "f9", "f²", "2a", "10a"]
    assert sorted(names, key=readers.natural_key) == ["2a", "10a", "f9", "f10", "f²"]


def test_every_reader_in_the_table_exists():
    for target in COMPONENTS["readers"].values():
        assert callable(getattr(readers, target.partition(":")[2]))
