"""Video files and image folders as sources: no frame is dropped."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, Literal

from pydantic import Field

from vadkit.data.decoding.child import Failed, Worker
from vadkit.data.decoding.decode import READERS, STALL_S, probe, read_frames
from vadkit.inference.sources.source import Frame, SourceEvent
from vadkit.text import encodable

_log = logging.getLogger("vadkit.infer")


class FileSource:
    """A video file, or a folder of images at 25 frames per second.

    If the frame rate varies, times come from the file. With ``size`` (height, width), frames are
    resized, and are (H, W, 1) for ``channels: gray``. ``readers``, ``plugins`` and ``stall_s`` are
    as in the recipe's section ``data``; None uses its defaults.
    """

    live = False

    def __init__(
        self,
        address: str | Path,
        *,
        readers: Sequence[str] | None = None,
        plugins: Sequence[Path] = (),
        stall_s: Annotated[float, Field(gt=0)] | None = None,
        size: tuple[int, int] | None = None,
        channels: Literal["rgb", "gray"] = "rgb",
    ) -> None:
        self.path = Path(address).expanduser()
        self.name = encodable(self.path.stem if self.path.is_file() else self.path.name)
        self.stall_s = STALL_S if stall_s is None else stall_s
        self._form: dict[str, Any] = {
            "readers": READERS if readers is None else readers,
            "plugins": plugins,
            "stall_s": self.stall_s,
            "size": size,
            "channels": channels,
        }
        # One decoding process for many files in turn; without it each file starts its own (0.4 s).
        self.worker: Worker | None = None
        self._closed = False

    def read(self) -> Iterator[Frame | SourceEvent]:
        """See ``Source``; the errors are those of ``vadkit.data.decoding.decode.read_frames``."""
        self._closed = False
        with contextlib.ExitStack() as stack:
            worker = self.worker or stack.enter_context(Worker())
            info = probe(self.path, stall_s=self.stall_s, worker=worker)
            times = self._times(worker) if info.variable_rate else []
            yield SourceEvent("opened", 0.0, fps=info.fps, size=info.size)
            reading = read_frames(self.path, worker=worker, **self._form)
            time = 0.0
            with contextlib.closing(reading):
                for index, image in enumerate(reading):
                    if self._closed:
                        return
                    time = times[index] if index < len(times) else index / info.fps
                    yield Frame(time, image, arrived=monotonic())
        yield SourceEvent("ended", time)

    def _times(self, worker: Worker) -> list[float]:
        """Return when each frame is shown, from the packets, without decoding; empty if unknown.

        If there are more frames than times, the times continue at the mean frame rate.
        """
        try:
            (record,) = worker.ask({"times": str(self.path.absolute())}, self.stall_s)
        except Failed as failure:
            _log.warning("%s: times of frames cannot be read (%s)", self.path, failure)
            return []
        return [float(time) for time in json.loads(record[1])]

    def close(self) -> None:
        """Ends with the next frame."""
        self._closed = True
