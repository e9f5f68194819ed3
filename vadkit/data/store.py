"""The frame store: each video decoded once, in order, kept as uint8 in a memory-mapped file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from vadkit.data.decode import Worker, read_frames
from vadkit.data.videos import Video
from vadkit.errors import DataError

# Part of every key: a change of the file's layout or of how frames are resized makes a new one.
_FORMAT = "1"


@dataclass(frozen=True)
class StoredVideo:
    """A video's frames in the store."""

    id: str
    folder: Path
    shape: tuple[int, int, int, int]

    def __len__(self) -> int:
        """Number of frames."""
        return self.shape[0]

    @cached_property
    def frames(self) -> np.ndarray:
        """(N, H, W, C) uint8, memory-mapped and read-only."""
        return np.memmap(self.folder / "frames.u8", np.uint8, "r", shape=self.shape)


def cache_folder() -> Path:
    """``$VADKIT_CACHE``, else ``vadkit`` under the user's cache folder."""
    if given := os.environ.get("VADKIT_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vadkit"


def build_store(
    videos: Sequence[Video],
    *,
    size: tuple[int, int],
    channels: str,
    cache: Path | None = None,
    workers: int = 2,
    readers: Sequence[str] = ("decord", "pyav"),
    progress: Callable[[int, int], None] | None = None,
) -> list[StoredVideo]:
    """Every video in the store, decoded now where it is not there yet.

    ``size`` is (height, width). ``progress`` is called with the numbers of videos and frames
    finished. Raises ``DataError`` for a video that cannot be read, or a full disk.
    """
    cache = cache or cache_folder()
    local = threading.local()
    started: list[Worker] = []
    done = [0, 0]
    lock = threading.Lock()

    def store(video: Video) -> StoredVideo:
        folder = cache / _key(video, size, channels)
        stored = _open(video.id, folder)
        if stored is None:
            if not hasattr(local, "worker"):
                local.worker = Worker()
                started.append(local.worker)
            _decode(video, folder, size, channels, readers, local.worker)
            stored = _open(video.id, folder)
            assert stored is not None
        with lock:
            done[0] += 1
            done[1] += len(stored)
            if progress is not None:
                progress(*done)
        return stored

    try:
        with ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(store, video) for video in videos]
            try:
                return [future.result() for future in futures]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        for worker in started:
            worker.close()


def dataset_fingerprint(stored: Sequence[StoredVideo]) -> str:
    """A short hash over ids and contents, to tell whether two runs saw the same frames."""
    lines = [f"{video.id} {video.folder.name} {len(video)}" for video in stored]
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()


def _open(video: str, folder: Path) -> StoredVideo | None:
    """A stored video, None when it is not in the store; a folder there is always whole."""
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return StoredVideo(video, folder, tuple(meta["shape"]))


def _decode(
    video: Video,
    folder: Path,
    size: tuple[int, int],
    channels: str,
    readers: Sequence[str],
    worker: Worker,
) -> None:
    """Write a video into a temporary folder and rename it into place once it is whole."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise DataError(
            f"the frame store cannot write to {folder.parent}: {error.strerror}; "
            "set VADKIT_CACHE to a folder that can be written"
        ) from None
    planes = 3 if channels == "rgb" else 1
    count = 0
    try:
        with (temporary / "frames.u8").open("wb") as file:
            for frame in read_frames(
                video.path, readers=tuple(readers), size=size, channels=channels, worker=worker
            ):
                file.write(frame.tobytes())
                count += 1
            file.flush()
            os.fsync(file.fileno())
        meta = {"shape": [count, *size, planes], "source": str(video.path)}
        (temporary / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
        try:
            os.rename(temporary, folder)
        except OSError:
            # Another process has stored the same video meanwhile; its frames are the same.
            if not (folder / "meta.json").is_file():
                raise
    except OSError as error:
        free = shutil.disk_usage(folder.parent).free
        raise DataError(
            f"storing the frames of {video.path} failed after {count} frames: {error.strerror}; "
            f"{free / 2**30:.1f} GiB are free in {folder.parent}; set VADKIT_CACHE to a larger disk"
        ) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _key(video: Video, size: tuple[int, int], channels: str) -> str:
    """The store's name of a video: a hash of its content and of how it is kept."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{_FORMAT} {size[0]}x{size[1]} {channels}\n".encode())
    try:
        if video.path.is_dir():
            # Hashing thousands of images takes as long as decoding them; names, sizes and times
            # tell a changed folder well enough.
            for path in sorted(video.path.iterdir()):
                stat = path.stat()
                digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
        else:
            with video.path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "blake2b").digest())
    except FileNotFoundError:
        raise DataError(f"video not found: {video.path}") from None
    except OSError as error:
        raise DataError(f"video {video.path} cannot be read: {error.strerror}") from None
    return digest.hexdigest()
