"""Video files and image folders as sources: no frame is dropped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, Literal

from pydantic import Field

from vadkit.data.decoding.child import Worker
from vadkit.data.decoding.decode import READERS, STALL_S, probe, read_timed_frames
from vadkit.inference.sources.source import Frame, SourceEvent
from vadkit.text import encodable


class FileSource:
    """A video file, or a folder of images at 25 frames per second.

    Times come from the file. With ``size`` (height, width), frames are resized, and are (H, W, 1)
    for ``channels: gray``. ``readers``, ``plugins``, ``stall_s`` and ``levels`` are as in the
    recipe's section ``data``; None uses its defaults.
    """

    live = False

    def __init__(
        self,
        address: str | Path,
        *,
        readers: Sequence[str] | None = None,
        plugins: Sequence[Path] = (),
        stall_s: Annotated[float, Field(gt=0)] | None = None,
        levels: tuple[float, float] | None = None,
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
            "levels": levels,
            "size": size,
            "channels": channels,
        }
        # One decoding process for many files in turn; without it each file starts its own (0.4 s).
        self.worker: Worker | None = None
        self._closed = False

    def read(self) -> Iterator[Frame | SourceEvent]:
        """See ``Source``; the errors are those of ``read_timed_frames``."""
        self._closed = False
        with contextlib.ExitStack() as stack:
            worker = self.worker or stack.enter_context(Worker())
            info = probe(self.path, stall_s=self.stall_s, worker=worker)
            timed = not self.path.is_dir()
            yield SourceEvent("opened", 0.0, fps=info.fps, size=info.size, timed=timed)
            reading = read_timed_frames(self.path, worker=worker, **self._form)
            time = 0.0
            with contextlib.closing(reading):
                for time, cut, image, _ in reading:
                    if self._closed:
                        return
                    yield Frame(time, image, arrived=monotonic(), cut=cut)
        yield SourceEvent("ended", time)

    def close(self) -> None:
        """Ends with the next frame."""
        self._closed = True
