"""What is made of frames once and kept: optical flow beside them, boxes of objects in the cache."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from vadkit.data.decode import READERS, STALL_S, read_frames
from vadkit.data.decode_threads import decoding_threads
from vadkit.data.flow import Flow
from vadkit.data.objects import Boxes, ObjectFinder
from vadkit.data.videos import Video
from vadkit.errors import DataError

# Part of every key: a change of what the files hold makes new ones.
_FORMAT = "1"
Progress = Callable[[int, int], None]


class StoredFrames(Protocol):
    """What is needed of a stored video; parts of one file share its ``folder``."""

    @property
    def id(self) -> str: ...
    @property
    def folder(self) -> Path: ...
    @property
    def first(self) -> int: ...
    @property
    def shape(self) -> tuple[int, int, int, int]: ...
    def __len__(self) -> int: ...
    def read(self, start: int, stop: int) -> np.ndarray: ...


@dataclass(frozen=True)
class StoredFlow:
    """Optical flow of a stored video: ``shape`` is (N, H, W, 2), dx and dy in pixels a frame.

    Index t holds the motion from frame t - 1 to frame t, in pixels of the stored frames; index 0
    is zeros.
    """

    id: str
    path: Path
    shape: tuple[int, int, int, int]

    def __len__(self) -> int:
        """Number of frames."""
        return self.shape[0]

    def read(self, start: int, stop: int) -> np.ndarray:
        """Flow of the frames [start, stop) as (n, H, W, 2) float16, a copy in memory.

        Raises ``DataError`` when the file is gone or cut.
        """
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"flow [{start}, {stop}) of {len(self)}")
        if start == stop:
            return np.empty((0, *self.shape[1:]), np.float16)
        try:
            # Mapped for this call only, since pages of a mapping count as the process's memory.
            return np.array(np.memmap(self.path, np.float16, "r", shape=self.shape)[start:stop])
        except (OSError, ValueError):
            raise DataError(
                f"the flow of video '{self.id}' in {self.path} is cut short; delete the file, and "
                "it is worked out again"
            ) from None


def build_flow(
    videos: Sequence[StoredFrames],
    flow_name: str,
    flow: Flow,
    params: Mapping[str, Any],
    *,
    workers: int = 2,
    progress: Progress | None = None,
) -> list[StoredFlow]:
    """Flow of every video in float16, in its folder of the store, worked out where it is missing.

    ``flow_name`` and ``params`` (with defaults) name the component ``flow``. ``progress`` is called
    with the numbers of videos finished and of frames worked out. Raises ``DataError`` when the disk
    has no room.
    """
    named = [(video, _flow_of(video, flow_name, params)) for video in videos]
    # Two videos may be the same part of the same file.
    missing = {made.path: (video, made) for video, made in named if not _is_whole(made)}
    _check_room([made for _, made in missing.values()])
    tell = _counter(progress)
    with decoding_threads(workers) as (each, _, check_stop):

        def build(item: tuple[StoredFrames, StoredFlow]) -> None:
            video, made = item
            with _one_at_a_time(made.path):
                if not _is_whole(made):
                    with _written_whole(made.path) as file:
                        for motion in _motions(video, flow):
                            check_stop()
                            file.write(motion.astype(np.float16).tobytes())
                            tell(0, 1)
                    # Last, so that flow counts only once both files are there.
                    with _written_whole(made.path.with_suffix(".json")) as file:
                        file.write(json.dumps({"shape": made.shape, "flow": flow_name}).encode())
            tell(1, 0)

        each(build, missing.values())
    return [made for _, made in named]


def _flow_of(video: StoredFrames, name: str, params: Mapping[str, Any]) -> StoredFlow:
    key = _key(name, params, str(video.first), str(len(video)))
    return StoredFlow(video.id, video.folder / f"flow-{key}.f16", (*video.shape[:3], 2))


def _is_whole(made: StoredFlow) -> bool:
    try:
        size = made.path.stat().st_size
        return made.path.with_suffix(".json").is_file() and size == _flow_bytes(made)
    except OSError:
        return False


def _flow_bytes(made: StoredFlow) -> int:
    return int(np.prod(made.shape)) * np.dtype(np.float16).itemsize


def _motions(video: StoredFrames, flow: Flow) -> Iterator[np.ndarray]:
    """(H, W, 2) for every frame of a video."""
    previous = None
    for number in range(len(video)):
        (frame,) = video.read(number, number + 1)
        if previous is None:
            yield np.zeros((*frame.shape[:2], 2), np.float32)
        else:
            yield flow(previous, frame)
        previous = frame


def _check_room(missing: Sequence[StoredFlow]) -> None:
    if not missing:
        return
    folder = missing[0].path.parent
    need, free = sum(map(_flow_bytes, missing)), shutil.disk_usage(folder).free
    if need > free:
        raise DataError(
            f"optical flow needs {need / 2**30:.2f} GiB in {folder.parent}, where "
            f"{free / 2**30:.2f} GiB are free; set VADKIT_CACHE to a larger disk, make room with "
            "`vadkit data cache prune`, or reduce clip.size"
        )


def build_objects(
    videos: Sequence[Video],
    lengths: Sequence[int],
    finder_name: str,
    finder: ObjectFinder,
    params: Mapping[str, Any],
    *,
    cache: Path,
    digest: Callable[[Path], str],
    readers: Sequence[str] = READERS,
    plugins: Sequence[Path] = (),
    stall_s: float = STALL_S,
    workers: int = 2,
    progress: Progress | None = None,
) -> dict[str, Boxes]:
    """Boxes of every video by id, looked for where ``cache/objects`` lacks them.

    ``lengths`` are the videos' numbers of frames; ids must differ, so this is called for one split
    at a time. ``finder_name`` and ``params`` (with defaults) name the component ``finder``;
    ``digest`` gives the content of a video, or of a file such as weights that ``params`` name, as
    text. ``readers``, ``plugins`` and ``stall_s`` are those of ``read_frames``. ``progress`` is
    called with the numbers of videos finished and of frames decoded. Raises ``DataError`` when a
    video gives another number of frames, and the errors of ``read_frames`` and of the finder.
    """
    files = {name: digest(path) for name, value in params.items() if (path := _file(value))}
    named = {**params, **files}
    tell = _counter(progress)
    with decoding_threads(workers) as (each, worker, check_stop):

        def frames_of(video: Video, length: int) -> Generator[np.ndarray, None, None]:
            frames = read_frames(
                video.path, readers=readers, plugins=plugins, stall_s=stall_s, worker=worker()
            )
            for frame in _part(video, length, frames):
                check_stop()
                tell(0, 1)
                yield frame

        def find(item: tuple[Video, int]) -> Boxes:
            video, length = item
            if finder.reads_frames:
                key = _key(
                    finder_name, named, digest(video.path), str(video.part), str(length), *readers
                )
                path = cache / "objects" / f"{key}.npz"
                with _one_at_a_time(path):
                    boxes = _load(path)
                    if boxes is None:
                        boxes = _find(finder, video, length, frames_of(video, length))
                        with _written_whole(path) as file:
                            np.savez(file, **vars(boxes))
            else:
                boxes = _find(finder, video, length, frames_of(video, length))
            tell(1, 0)
            return boxes

        found = each(find, zip(videos, lengths, strict=True))
    return {video.id: boxes for video, boxes in zip(videos, found, strict=True)}


def _find(
    finder: ObjectFinder, video: Video, length: int, frames: Generator[np.ndarray, None, None]
) -> Boxes:
    with contextlib.closing(frames):
        return finder(video, length, frames)


def _part(
    video: Video, length: int, frames: Generator[np.ndarray, None, None]
) -> Iterator[np.ndarray]:
    """A video's own frames; ``DataError`` where they are not ``length``."""
    start, stop = video.part or (0, None)
    count = 0
    with contextlib.closing(frames):
        for frame in itertools.islice(frames, start, stop):
            count += 1
            if count <= length:
                yield frame
    if count != length:
        raise DataError(
            f"video '{video.id}' gave {count} frames while objects were looked for, but {length} "
            f"when it was stored; {video.path} was changed or read by another reader"
        )


def _load(path: Path) -> Boxes | None:
    """Saved boxes; None where there are none, or where the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as saved:
            return Boxes(**saved)
    except Exception:
        # NumPy gives errors of a dozen kinds; whatever it is, looking again mends it.
        return None


def _file(value: Any) -> Path | None:
    path = value.expanduser() if isinstance(value, Path) else None
    return path if path is not None and path.is_file() else None


def _key(name: str, params: Mapping[str, Any], *more: str) -> str:
    text = json.dumps([_FORMAT, name, dict(params), *more], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _counter(progress: Progress | None) -> Progress:
    """Adds up what threads report, and reports the sums one at a time."""
    lock = threading.Lock()
    done = [0, 0]

    def tell(videos: int, frames: int) -> None:
        with lock:
            done[0] += videos
            done[1] += frames
            if progress is not None:
                progress(*done)

    return tell


@contextlib.contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Hold a file's lock, which the system frees when its process dies."""
    from filelock import FileLock

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.name}.lock"))
        lock.acquire()
    except OSError as error:
        raise _not_writable(path, error) from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _written_whole(path: Path) -> Iterator[BinaryIO]:
    """A file that gets its name only once it is whole and on the disk; its lock must be held."""
    # What a killed process left of this file.
    for left in path.parent.glob(f".{path.name}-*.tmp"):
        left.unlink(missing_ok=True)
    temporary: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(".tmp", f".{path.name}-", path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise _not_writable(path, error) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _not_writable(path: Path, error: OSError) -> DataError:
    return DataError(
        f"{path} cannot be written: {error.strerror or error}; make room with `vadkit data cache "
        "prune`, or set VADKIT_CACHE to a folder that can be written"
    )
