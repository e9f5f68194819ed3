"""Readers give every frame, in order, upright."""

import cv2
import numpy as np
import pytest
from PIL import Image

from vadkit.data import COMPONENTS
from vadkit.data.decoding import readers
from vadkit.data.decoding.decode import probe
from vadkit.data.decoding.folders import natural_key

from . import odd_videos as odd


def as_frames(reader, path):
    return np.stack(list(reader(path)))


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


def test_decord_refuses_transport_streams_of_any_name(tmp_path, pictures, write_video):
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
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_phone_videos_are_shown_upright(tmp_path, name, degrees):
    frames = np.zeros((3, 64, 128, 3), np.uint8)
    frames[:, :32, :64] = 255
    path = odd.turned(odd.write(tmp_path / "video.mp4", frames), degrees)
    shown = as_frames(getattr(readers, name), path)
    expected = np.rot90(frames, -degrees // 90, (1, 2))
    assert shown.shape == expected.shape
    assert np.abs(shown - expected.astype(int)).mean() < 8
    assert probe(path).size == expected.shape[1:3]


@pytest.mark.parametrize("name", ["decord", "pyav"])
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("mp4", {"bf": "2"}),
        ("mp4", {"bf": "0"}),
        ("mkv", {}),
    ],
)
def test_every_coded_frame_comes_once_for_any_time(tmp_path, name, suffix, options):
    times = [i * 33 + (i % 3) * 9 + 400 * (i > 30) for i in range(60)]
    path = odd.write(tmp_path / f"v.{suffix}", odd.numbered(60), times=times, **options)
    assert [odd.number(f) for f in getattr(readers, name)(path)] == list(range(60))


@pytest.mark.parametrize("name", ["decord", "pyav"])
@pytest.mark.parametrize(
    ("suffix", "codec", "pixels", "size"),
    [
        ("mp4", "libx264", "yuv444p", (131, 175)),
        ("mkv", "ffv1", "yuv420p", (131, 175)),
        ("mp4", "libx264", "gray", (96, 128)),
        ("mkv", "ffv1", "gray", (96, 128)),
        ("mp4", "libx264", "yuv420p10le", (96, 128)),
        ("mkv", "ffv1", "yuv420p10le", (96, 128)),
        ("mp4", "libx265", "yuv420p10le", (96, 128)),
    ],
)
def test_odd_sizes_and_pixels(tmp_path, name, suffix, codec, pixels, size):
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    frames = odd.numbered(20, size)
    path = odd.write(tmp_path / f"v.{suffix}", frames, codec=codec, pixels=pixels, **options)
    shown = as_frames(getattr(readers, name), path)
    assert shown.shape == frames.shape
    assert np.abs(shown - frames.astype(int)).mean() < 4
    info = probe(path)
    assert info.size == size
    assert info.pixels.endswith("10le") == pixels.endswith("10le")


@pytest.mark.parametrize("name", ["decord", "pyav"])
def test_a_video_of_one_frame(tmp_path, name):
    path = odd.write(tmp_path / "video.mp4", odd.numbered(8)[7:])
    assert [odd.number(f) for f in getattr(readers, name)(path)] == [7]


def test_decord_and_pyav_agree_on_whole_files(tmp_path):
    path = odd.write(tmp_path / "video.mp4", odd.numbered(60, noise=25), bf="2")
    one, other = as_frames(readers.decord, path), as_frames(readers.pyav, path)
    assert one.shape == other.shape == (60, 96, 128, 3)
    assert np.abs(one.astype(int) - other).mean() < 2


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize("name", ["ped2/training/01.mp4", "ped2/testing/12.mp4", "clips/vtest.avi"])
def test_decord_and_pyav_agree_on_benchmark_videos(real_data, name):
    pairs = zip(readers.decord(real_data / name), readers.pyav(real_data / name), strict=True)
    assert max(np.abs(one.astype(int) - other).mean() for one, other in pairs) < 2


@pytest.mark.parametrize(("drop", "hide", "reason"), [(5, 0, "key frame"), (0, 5, "edit list")])
def test_decord_refuses_files_that_it_fills_up_with_copies(tmp_path, drop, hide, reason):
    whole = odd.write(tmp_path / "whole.mp4", odd.numbered(60))
    path = odd.remuxed(whole, tmp_path / "video.mp4", drop=drop, hide=hide)
    with pytest.raises(ValueError, match=reason):
        next(readers.decord(path))


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


def test_the_upper_8_of_16_bits_are_kept(tmp_path):
    deep = (np.arange(96, dtype=np.uint16) * 600).reshape(8, 12)
    for suffix in ("png", "tif"):
        cv2.imwrite(str(tmp_path / f"1.{suffix}"), deep)
    for shown in readers.frames(tmp_path):
        assert (np.abs(shown - (deep[..., None] / 256)) <= 1).all()


def test_alpha_is_dropped(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 12, 4), dtype=np.uint8)
    Image.fromarray(pixels, "RGBA").save(tmp_path / "1.png")
    assert (as_frames(readers.frames, tmp_path)[0] == pixels[..., :3]).all()


def test_photos_are_rotated_upright(tmp_path):
    sideways = np.zeros((64, 128, 3), np.uint8)
    sideways[:32, :64] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: to be shown turned clockwise by 90 degrees
    Image.fromarray(sideways).save(tmp_path / "1.jpg", exif=exif)
    (shown,) = readers.frames(tmp_path)
    assert shown.shape == (128, 64, 3)
    assert np.abs(shown - np.rot90(sideways, -1).astype(int)).mean() < 4


def test_a_broken_image_is_named(tmp_path):
    (tmp_path / "7.png").write_bytes(b"nothing of the sort")
    with pytest.raises(ValueError, match=r"7\.png"):
        next(readers.frames(tmp_path))


def test_natural_order_knows_numbers_and_odd_digits():
    names = ["f10", "f9", "f²", "2a", "10a"]
    assert sorted(names, key=natural_key) == ["2a", "10a", "f9", "f10", "f²"]


def test_every_reader_in_the_table_exists():
    for target in COMPONENTS["readers"].values():
        assert callable(getattr(readers, target.partition(":")[2]))
