"""Write RGB frames to an MP4 file."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream

from vadkit.errors import DataError
from vadkit.files import partial_path, put_in_place, start_partial

# About the size and quality of crf 20 with "veryfast", in half its CPU time, and without threads
# that take turns. Crf 0 is lossless, 51 the worst.
QUALITY = {"crf": "23", "preset": "superfast", "threads": "1"}
# For a web page: a third of the size; frequent key frames, so that a browser can seek to any frame
# quickly; and no reordered frames, so that the first one is at time 0 in every browser.
WEB = {"crf": "30", "preset": "veryfast", "g": "12", "bf": "0"}


# The unit of times in a written file, in seconds.
_TICK = Fraction(1, 90_000)


def choose_encoder(options: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return the encoder, with ``options`` of libx264 in its own terms; ``DataError`` for none."""
    if _has_encoder("libx264"):
        return "libx264", dict(options)
    if not _has_encoder("libvpx-vp9"):
        raise DataError(
            "cannot write video: FFmpeg has neither libx264 nor libvpx-vp9; install the av wheel "
            "from PyPI, which contains both (pip install --force-reinstall av)"
        )
    # VP9's scale ends at 63, not 51.
    quality = str(round(int(options.get("crf", "23")) * 63 / 51))
    vp9 = {"crf": quality, "b": "0", "deadline": "realtime", "cpu-used": "6"}
    return "libvpx-vp9", vp9 | {key: options[key] for key in ("g",) if key in options}


def _has_encoder(name: str) -> bool:
    try:
        av.codec.Codec(name, "w")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


class VideoWriter:
    """Writes H.264 (yuv420p) in MP4, which plays everywhere; a context manager.

    ``options`` are those of libx264. An FFmpeg without it writes VP9, which browsers also play.

    Frames are (H, W, 3) uint8 RGB, all in the size of the first one, at ``fps`` per second unless
    each is written with its own time. An odd width or height is
    padded by one column or row, because H.264's colour planes have half the size. The file is
    written under a temporary name and renamed at the end of the block; it is removed if the block
    fails.

    Raises ``DataError`` if ``fps`` is not positive, sizes differ, no frame was written, or FFmpeg
    has neither encoder.
    """

    def __init__(self, path: Path, fps: float, options: Mapping[str, str] = QUALITY) -> None:
        if not (np.isfinite(fps) and fps > 0):
            raise DataError(f"cannot write {path}: the frame rate must be positive; got {fps}")
        self.path = path
        self.rate = Fraction(fps).limit_denominator(1001)
        self.frames = 0
        self._tick = -1
        self._options = options
        self._size: tuple[int, int] | None = None
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None

    def write(self, frame_rgb: np.ndarray, time: float | None = None) -> None:
        """Append one frame; ``time`` is in seconds from the first frame and must increase."""
        if frame_rgb.ndim != 3 or frame_rgb.shape[2] != 3 or frame_rgb.dtype != np.uint8:
            raise ValueError(f"a frame must be (H, W, 3) uint8; got {frame_rgb.shape}")
        height, width = frame_rgb.shape[:2]
        if self._container is None or self._stream is None:
            self._container, self._stream = self._start(height + height % 2, width + width % 2)
            self._size = (height, width)
        elif self._size != (height, width):
            raise DataError(
                f"cannot write frame {self.frames} to {self.path}: it is {width}x{height}, but "
                f"earlier frames are {self._size[1]}x{self._size[0]}"  # type: ignore[index]
            )
        if height % 2 or width % 2:
            frame_rgb = np.pad(frame_rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        # A fifth of the time that FFmpeg takes.
        planes: np.ndarray = cv2.cvtColor(np.ascontiguousarray(frame_rgb), cv2.COLOR_RGB2YUV_I420)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        if time is None:
            time = float(self.frames / self.rate)
        # Two frames must not share a tick.
        self._tick = max(round(time / _TICK), self._tick + 1)
        frame.pts, frame.time_base = self._tick, _TICK
        self._container.mux(self._stream.encode(frame))
        self.frames += 1

    def close(self) -> Path:
        """Finish the file and rename it to its final name."""
        if self._container is None or self._stream is None:
            raise DataError(f"cannot write {self.path}: there is no frame")
        try:
            self._container.mux(self._stream.encode())
            self._container.close()
            put_in_place(partial_path(self.path), self.path)
        except BaseException:
            self.abort()
            raise
        self._container = None
        return self.path

    def abort(self) -> None:
        """Cancel, and remove the written file."""
        if self._container is not None:
            # A full disk also makes closing fail; the first error is the one to show.
            with contextlib.suppress(av.FFmpegError):
                self._container.close()
            self._container = None
        partial_path(self.path).unlink(missing_ok=True)

    def _start(self, height: int, width: int) -> tuple[OutputContainer, VideoStream]:
        # faststart puts the index first, so that a browser can play the file while it loads.
        encoder, options = choose_encoder(self._options)
        container = av.open(
            str(start_partial(self.path)), "w", format="mp4", options={"movflags": "+faststart"}
        )
        stream = container.add_stream(encoder, rate=self.rate, options=options)
        assert isinstance(stream, VideoStream)
        stream.codec_context.time_base = _TICK
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv420p"
        # The one that OpenCV uses. Players assume BT.709 for large untagged videos.
        stream.codec_context.colorspace = Colorspace.ITU601
        return container, stream

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.abort()
        else:
            self.close()
