"""Two common ways to load clips without a frame store, as baselines for the loader.

    python benchmarks/baseline_loaders.py [--video-frames 2000] [--seconds 10]

Prints the clips per second of each as JSON, with a DataLoader of 0 and of 2 workers.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import decord
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, RandomSampler

# Small, so that a measurement of a few seconds has many batches even with slow clips.
BATCH = 4


class SeekingClips(Dataset[Tensor]):
    """Clips (T, H, W, 3) uint8 RGB decoded from video files on request.

    Each clip opens its file, seeks to its first frame, decodes ``frames`` frames and resizes them
    to ``size`` (height, width).
    """

    def __init__(self, paths: Sequence[Path], frames: int, size: tuple[int, int]) -> None:
        self.frames, self.size = frames, size
        self.clips = [
            (path, start)
            for path in paths
            for start in range(len(decord.VideoReader(str(path))) - frames + 1)
        ]

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> Tensor:
        path, start = self.clips[index]
        video = decord.VideoReader(str(path))
        pictures = video.get_batch(range(start, start + self.frames)).asnumpy()
        return _resized(pictures, self.size)


class JpegClips(Dataset[Tensor]):
    """Clips (T, H, W, 3) uint8 RGB read from folders with one JPEG file per frame.

    ``size`` is (height, width); files are read in the order of their names.
    """

    def __init__(self, folders: Sequence[Path], frames: int, size: tuple[int, int]) -> None:
        self.frames, self.size = frames, size
        self.files = [sorted(folder.glob("*.jpg")) for folder in folders]
        self.clips = [
            (place, start)
            for place, files in enumerate(self.files)
            for start in range(len(files) - frames + 1)
        ]

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> Tensor:
        place, start = self.clips[index]
        files = self.files[place][start : start + self.frames]
        return _resized(map(_read, files), self.size)


def _read(file: Path) -> np.ndarray:
    picture = cv2.imread(str(file))
    if picture is None:
        raise OSError(f"cannot read {file}")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _resized(pictures: Iterable[np.ndarray], size: tuple[int, int]) -> Tensor:
    return torch.from_numpy(np.stack([cv2.resize(one, size[::-1]) for one in pictures]))


def make_h264(path: Path, frames: int, size: tuple[int, int] = (360, 640), gop: int = 250) -> None:
    """Encode a moving textured scene with libx264, with a key frame every ``gop`` frames.

    ``size`` is (height, width), both even. 250 and all other settings are the defaults of libx264.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": str(gop)})
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        for picture in _scene(frames, *size):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _scene(frames: int, height: int, width: int) -> Iterator[np.ndarray]:
    """Yield frames (H, W, 3) uint8: textured blocks cross a moving texture, with sensor noise."""
    rng = np.random.default_rng(0)
    sway = 16
    ground = _texture(rng, height + 2 * sway, width + 2 * sway)
    block = height // 6
    blocks = [_texture(rng, block, block) for _ in range(8)]
    rows = rng.integers(0, height - block, len(blocks))
    speeds = rng.uniform(1, 5, len(blocks))
    noise = rng.normal(0, 2, (8, height, width, 3)).astype(np.float32)
    for number in range(frames):
        top = sway + round(sway * math.sin(number / 40))
        left = sway + round(sway * math.sin(number / 60))
        picture = ground[top : top + height, left : left + width].copy()
        for row, speed, texture in zip(rows, speeds, blocks, strict=True):
            column = int(number * speed) % (width - block)
            picture[row : row + block, column : column + block] = texture
        yield (picture + noise[number % 8]).clip(0, 255).astype(np.uint8)


def _texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Return (H, W, 3) float32 in about 0..255, with detail at every scale."""
    picture = np.full((height, width, 3), 128, np.float32)
    for cell in (2, 4, 8, 16, 32):
        coarse = rng.normal(0, 15, (height // cell + 2, width // cell + 2, 3))
        picture += np.asarray(cv2.resize(coarse, (width, height)), np.float32)
    return picture


def extract_jpegs(video: Path, folder: Path, quality: int = 95) -> None:
    """Write every frame of a video into ``folder`` as ``000000.jpg`` and so on, at its own size."""
    folder.mkdir(parents=True)
    with av.open(str(video)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            file = folder / f"{number:06}.jpg"
            pixels = frame.to_ndarray(format="bgr24")
            if not cv2.imwrite(str(file), pixels, [cv2.IMWRITE_JPEG_QUALITY, quality]):
                raise OSError(f"cannot write {file}")


def clips_per_second(
    source: Dataset[Tensor] | Iterable[Tensor], seconds: float, workers: int = 0
) -> float:
    """Return clips per second over at least ``seconds`` seconds, without the start.

    ``source`` is a dataset of clips, drawn at random by a DataLoader with ``workers`` processes, or
    an iterable of batches that is long enough.
    """
    batches = iter(_loader(source, workers) if isinstance(source, Dataset) else source)
    # Workers take turns, so only complete rounds of batches have a rate.
    turns = max(1, workers)
    for _ in range(turns):
        next(batches)
    clips, elapsed = 0, 0.0
    started = time.perf_counter()
    while elapsed < seconds:
        clips += sum(len(next(batches)) for _ in range(turns))
        elapsed = time.perf_counter() - started
    return clips / elapsed


def _loader(dataset: Dataset[Tensor], workers: int) -> DataLoader[Tensor]:
    return DataLoader(
        dataset,
        batch_size=BATCH,
        # With replacement, so that it does not end.
        sampler=RandomSampler(
            dataset,  # type: ignore[arg-type]
            replacement=True,
            num_samples=10**6,
            generator=torch.Generator().manual_seed(0),
        ),
        num_workers=workers,
        # A fork of a process that has used OpenCV and decord may hang.
        multiprocessing_context="spawn" if workers else None,
        worker_init_fn=_one_thread,
    )


def _one_thread(worker: int) -> None:
    """Use one OpenCV thread per process, because the processes share the cores."""
    cv2.setNumThreads(1)


def main() -> None:
    """Measure both baselines at 5 frames of 256x256 and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--video-frames", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    given = parser.parse_args()
    frames, size = 5, (256, 256)
    with tempfile.TemporaryDirectory() as temporary:
        video, jpegs = Path(temporary) / "video.mp4", Path(temporary) / "jpegs"
        print("encoding", file=sys.stderr)
        make_h264(video, given.video_frames)
        extract_jpegs(video, jpegs)
        datasets = {
            "seeking": SeekingClips([video], frames, size),
            "jpeg": JpegClips([jpegs], frames, size),
        }
        result: dict[str, Any] = {"frames": frames, "size": size, "batch": BATCH}
        for name, dataset in datasets.items():
            print(f"measuring {name}", file=sys.stderr)
            result[name] = {
                f"workers_{workers}": round(clips_per_second(dataset, given.seconds, workers), 2)
                for workers in (0, 2)
            }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
