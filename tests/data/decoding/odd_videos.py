"""Makers of odd and broken video files and image folders, each frame telling its number."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

BITS = 8


def numbered(count: int, size: tuple[int, int] = (96, 128), noise: int = 0) -> np.ndarray:
    """Gray frames (N, H, W, 3) uint8 that show their number as eight upright bars, bright for 1.

    A ramp down the picture tells what is up; compression and resizing leave the number readable.
    ``noise`` makes files longer, so that damage to a part of one hits few frames.
    """
    height, width = size
    bars = np.arange(width) * BITS // width
    bright = (np.arange(count)[:, None] >> bars) & 1
    ramp = np.linspace(30, 0, height).astype(int)
    gray = (bright * 160 + 40)[:, None, :] + ramp[None, :, None]
    frames = np.repeat(gray[..., None], 3, -1)
    added = np.random.default_rng(1).integers(-noise, noise + 1, frames.shape)
    return np.clip(frames + added, 0, 255).astype(np.uint8)


def number(frame: np.ndarray) -> int:
    """The number that a frame of ``numbered`` shows."""
    height, width = frame.shape[:2]
    middle = frame[height // 4 : height * 3 // 4].mean((0, 2))
    centres = (np.arange(BITS) * 2 + 1) * width // (2 * BITS)
    return int(((middle[centres] > 135) << np.arange(BITS)).sum())


def write(
    path: Path,
    frames: np.ndarray,
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    form: str | None = None,
    times: Sequence[int] | None = None,
    rate: int = 25,
    muxer: dict[str, str] | None = None,
    **options: str,
) -> Path:
    """Encode frames 40 ms apart or at ``times`` in ms; ``options`` go to the codec."""
    options = {"g": "12", **options}
    with av.open(str(path), "w", format=form, options=muxer or {}) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pixels
        if pixels == "gray":
            stream.color_range = 2  # from 0 to 255
        stream.options = options
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for index, pixels_hwc in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels_hwc), format="rgb24")
            frame.time_base = Fraction(1, 1000)
            frame.pts = index * 40 if times is None else times[index]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_both(path: Path, *videos: np.ndarray) -> Path:
    """A file with one H.264 stream a video, all of the same number of frames."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=25) for _ in videos]
        for stream, frames in zip(streams, videos, strict=True):
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = "yuv420p"
        for pictures in zip(*videos, strict=True):
            for stream, picture in zip(streams, pictures, strict=True):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode())
    return path


def fast_start(path: Path, frames: np.ndarray, **options: str) -> Path:
    """An MP4 with its index in front, which a cut leaves readable."""
    return write(path, frames, muxer={"movflags": "faststart"}, **options)


def cut(path: Path, part: float) -> Path:
    """Keep the first ``part`` of a file's bytes."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    return path


def damage(path: Path, start: float, stop: float) -> Path:
    """Overwrite the bytes between two parts of a file with noise."""
    data = bytearray(path.read_bytes())
    first, last = int(len(data) * start), int(len(data) * stop)
    data[first:last] = np.random.default_rng(0).bytes(last - first)
    path.write_bytes(data)
    return path


def turned(path: Path, degrees: int) -> Path:
    """Mark an MP4, as phones do, to be shown turned clockwise by 90, 180 or 270 degrees."""
    one = 1 << 16
    a, b, c, d = {
        90: (0, one, -one, 0),
        180: (-one, 0, 0, -one),
        270: (0, -one, one, 0),
    }[degrees]
    data = bytearray(path.read_bytes())
    upright = struct.pack(">9i", one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    place = data.index(upright, data.index(b"tkhd"))
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def remuxed(source: Path, target: Path, *, drop: int = 0, hide: int = 0) -> Path:
    """Copy packets but for the first ``drop``; in an MP4 an edit list hides the first ``hide``."""
    with av.open(str(source)) as taken, av.open(str(target), "w") as container:
        stream = taken.streams.video[0]
        given = container.add_stream_from_template(stream)
        for index, packet in enumerate(taken.demux(stream)):
            if index < drop or packet.dts is None:
                continue
            back = round(hide / stream.average_rate / packet.time_base)
            packet.pts, packet.dts = packet.pts - back, packet.dts - back
            packet.stream = given
            container.mux(packet)
    return target


def sound(path: Path, cover: np.ndarray | None = None) -> Path:
    """Half a second of sound, with no picture or with the cover (H, W, 3) of a piece of music."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        stream.layout = "mono"
        if cover is not None:
            picture = container.add_stream("mjpeg", rate=1)
            picture.height, picture.width = cover.shape[:2]
            picture.pix_fmt = "yuvj420p"
            picture.disposition = av.stream.Disposition.attached_pic
            container.mux(picture.encode(av.VideoFrame.from_ndarray(cover, format="rgb24")))
        for start in range(0, 8192, 1024):
            samples = np.zeros((1, 1024), np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
