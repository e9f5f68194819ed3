"""Training batches in an order that depends only on the seed and the epoch."""

from __future__ import annotations

import copy
import itertools
import logging
import pickle
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from vadkit.data.clips.augments import draw_clip
from vadkit.data.clips.batch import make_clips
from vadkit.data.clips.extras import ClipExtras, Extras, gather_extras
from vadkit.data.clips.ranges import training_clips
from vadkit.data.clips.sources import ClipSource, StoredClips
from vadkit.data.decoding.processes import end_with_parent
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.errors import RecipeError
from vadkit.plugins import as_run, run_plugin
from vadkit.ranks import WHOLE, Part, part_of_batch

_log = logging.getLogger("vadkit.data")
# The number of batches read ahead. One more buffer has the batch being copied to the device.
_AHEAD = 2


class ClipLoader:
    """Batches of clips, ready for a method: on ``device``, with frames in ``dtype``.

    ``lengths`` are the numbers of frames of the videos. With ``seed`` None, clips come in video
    order and without augments, for the collect pass. ``augments`` are imgaug augmenters, which run
    in ``workers`` processes (that load ``plugins`` first), and tensor augments, which run after
    them on the device. Random values of both are drawn once per clip, from the seed, the epoch and
    the clip's position, so a resumed epoch has the same pixels. ``extras`` are the flow and boxes
    of the videos, if the clips need them; then every augment must support them, or ``RecipeError``
    is raised. The last clips of an epoch that do not fill a batch are left out, unless
    ``drop_last`` is False or there are no others. ``ids`` are the names of the videos for samples,
    and ``cuts`` the frames of each that no clip may cross to. Batches have ``batch_size`` clips, of
    which only the ``part`` of this process is read; all parts of a batch must have the same size.
    """

    def __init__(
        self,
        source: ClipSource,
        lengths: Sequence[int],
        spec: ClipSpec,
        *,
        batch_size: int,
        seed: int | None,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        augments: Sequence[Any] = (),
        workers: int = 2,
        plugins: Sequence[Path] = (),
        drop_last: bool = True,
        extras: Sequence[Extras] = (),
        ids: Sequence[str] = (),
        cuts: Sequence[Sequence[int]] = (),
        part: Part = WHOLE,
    ) -> None:
        self.source = source
        self.spec = spec
        self.batch_size = batch_size
        self.seed = seed
        self.device = device
        self.dtype = dtype
        self.image_augments = [one for one in augments if hasattr(one, "to_deterministic")]
        self.tensor_augments = [one for one in augments if not hasattr(one, "to_deterministic")]
        if spec.flow or spec.boxes is not None:
            _check_followed(augments)
        self.extras = extras
        self.ids = ids or [str(number) for number in range(len(lengths))]
        self.workers = workers
        self.plugins = tuple(plugins)
        self._processes: DataLoader[Tensor] | None = None
        self._requests: list[tuple[int, np.ndarray]] = []
        self.drop_last = drop_last
        self.part = part
        self.clips = training_clips(lengths, spec, cuts)

    def keeping(self, kept: np.ndarray) -> ClipLoader:
        """Return a loader with only those clips for which ``kept`` (n,) is True."""
        other = copy.copy(self)
        other.clips = self.clips[kept]
        other._processes, other._requests = None, []
        return other

    def __len__(self) -> int:
        """The number of batches per epoch."""
        whole, rest = divmod(len(self.clips), self.batch_size)
        return whole + bool(rest and (not self.drop_last or not whole))

    @property
    def counts(self) -> list[int]:
        """The number of clips of each video."""
        counted: list[int] = np.bincount(self.clips[:, 0], minlength=len(self.ids)).tolist()
        return counted

    def batches(self, epoch: int, start: int = 0) -> Iterator[Clips]:
        """Yield the batches of an epoch from ``start`` on."""
        order = np.arange(len(self.clips))
        if self.seed is not None:
            order = self.source.order(self.clips, np.random.default_rng([self.seed, epoch]))
        for number, clips in enumerate(self._drawn(order, epoch, start), start):
            videos = self.clips[self._numbers(order, number), 0]
            yield replace(clips, videos=torch.from_numpy(videos))

    def _drawn(self, order: np.ndarray, epoch: int, start: int) -> Iterator[Clips]:
        if self.image_augments:
            yield from self._augmented(order, epoch, start)
        elif self.source.device.type != "cpu":
            for number in range(start, len(self)):
                rows = self.clips[self._numbers(order, number)]
                clips = self.source.gather(rows, torch.empty(0))
                yield self._clips(clips, self._extras_of(rows), epoch, number)
        else:
            yield from self._prefetched(order, epoch, start)

    def sample(self, count: int) -> Iterator[tuple[Clips, list[tuple[str, int]]]]:
        """Yield batches of up to ``count`` clips, with each clip's video and first frame.

        The clips are evenly spread over the training set, in the form of ``ClipSpec.scoring``,
        without augments and in float32.
        """
        spec = self.spec.scoring
        count = min(count, len(self.clips))
        picked = self.clips[np.linspace(0, len(self.clips) - 1, count).astype(int)]
        shape = (self.spec.frames, *self.spec.size, self.spec.planes)
        for first in range(0, count, self.batch_size):
            rows = picked[first : first + self.batch_size]
            frames = self.source.gather(rows, torch.empty(len(rows), *shape, dtype=torch.uint8))
            extras = gather_extras(self.extras, rows, spec)
            clips = make_clips(frames[:, : spec.frames], extras, spec, self.device, torch.float32)
            yield clips, [(self.ids[video], start) for video, start in rows.tolist()]

    def _numbers(self, order: np.ndarray, batch: int) -> np.ndarray:
        whole = order[batch * self.batch_size : (batch + 1) * self.batch_size]
        own = len(whole) // self.part.of
        return whole[self.part.number * own : (self.part.number + 1) * own]

    def _extras_of(self, rows: np.ndarray) -> ClipExtras:
        return gather_extras(self.extras, rows, self.spec)

    def _buffer(self) -> Tensor:
        size, planes = self.spec.size, self.spec.planes
        shape = (self.batch_size // self.part.of, self.spec.frames, *size, planes)
        return torch.empty(shape, dtype=torch.uint8, pin_memory=self.device.type == "cuda")

    def _prefetched(self, order: np.ndarray, epoch: int, start: int) -> Iterator[Clips]:
        """Yield batches that a thread reads ahead into a ring of buffers."""
        buffers = [self._buffer() for _ in range(_AHEAD + 1)]
        copied: list[Any] = [None] * len(buffers)

        def fill(number: int) -> tuple[Tensor, ClipExtras]:
            slot = number % len(buffers)
            if copied[slot] is not None:
                copied[slot].synchronize()
            rows = self.clips[self._numbers(order, number)]
            return self.source.gather(rows, buffers[slot][: len(rows)]), self._extras_of(rows)

        with ThreadPoolExecutor(1, thread_name_prefix="clips") as ahead:
            upcoming = iter(range(start, len(self)))
            pending = deque(ahead.submit(fill, n) for n in itertools.islice(upcoming, _AHEAD))
            for number in range(start, len(self)):
                clips = self._clips(*pending.popleft().result(), epoch, number)
                if self.device.type == "cuda":
                    copied[number % len(buffers)] = torch.cuda.current_stream().record_event()
                # Now this batch's buffer is free for a later batch.
                following = next(upcoming, None)
                if following is not None:
                    pending.append(ahead.submit(fill, following))
                yield clips

    def _augmented(self, order: np.ndarray, epoch: int, start: int) -> Iterator[Clips]:
        """Yield batches that worker processes read and augment with imgaug."""
        if self._processes is None:
            self._processes = self._start_processes()
        numbers = [self._numbers(order, number) for number in range(start, len(self))]
        self._requests[:] = [(epoch, batch) for batch in numbers]
        for number, clips in enumerate(self._processes, start):
            yield self._clips(clips, ClipExtras(), epoch, number)

    def _start_processes(self) -> DataLoader[Tensor]:
        batches = _AugmentedBatches(self)
        # Frames that are decoded on demand stay in the process that decodes them.
        workers = self.workers if isinstance(self.source, StoredClips) else 0
        try:
            pickle.dumps(batches)
        except Exception as error:
            # A plugin may return any object, and pickle documents no list of its errors.
            _log.warning("augments run in the training process: %s", error)
            workers = 0
        return DataLoader(
            batches,
            batch_size=None,
            sampler=self._requests,
            num_workers=workers,
            pin_memory=self.device.type == "cuda",
            persistent_workers=workers > 0,
            # A forked process inherits the locks of threads that it does not have; OpenCV's locks
            # would hang forever.
            multiprocessing_context="spawn" if workers else None,
            worker_init_fn=_prepare_process if workers else None,
        )

    def _clips(self, frames_BTHWC: Tensor, extras: ClipExtras, epoch: int, number: int) -> Clips:
        augment = None
        if self.tensor_augments:
            seed = np.random.SeedSequence([self.seed or 0, epoch, number]).generate_state(1)[0]
            generator = torch.Generator().manual_seed(int(seed))

            def augment(clips: Clips) -> Clips:
                for one in self.tensor_augments:
                    if hasattr(one, "follow"):
                        clips = one.follow(clips, generator)
                    else:
                        clips = replace(clips, frames=one(clips.frames, generator))
                return clips

        with part_of_batch(self.part):
            return make_clips(frames_BTHWC, extras, self.spec, self.device, self.dtype, augment)


def _check_followed(augments: Sequence[Any]) -> None:
    """Raise an error unless every augment keeps flow and boxes valid, or transforms them."""
    for one in augments:
        if not (hasattr(one, "follow") or getattr(one, "keeps_places", False)):
            raise RecipeError(
                f"augments: {type(one).__name__} cannot transform optical flow and boxes, which "
                "the method needs; use tensor-flip, tensor-color, tensor-erase or tensor-noise "
                "instead, or set flow: null if the method can work without it"
            )


class _AugmentedBatches(Dataset[Tensor]):
    """Whole batches with imgaug's augments; indexed by epoch and clip numbers."""

    def __init__(self, loader: ClipLoader) -> None:
        self.source, self.clips, self.spec = loader.source, loader.clips, loader.spec
        self.plugins, self.seed = as_run(loader.plugins), loader.seed or 0
        # Kept pickled, because a plugin's augments can be unpickled only after the plugin is
        # loaded.
        self.augments = pickle.dumps(loader.image_augments)
        self._ready: list[Any] | None = None

    def __getitem__(self, request: tuple[int, np.ndarray]) -> Tensor:
        epoch, numbers = request
        if self._ready is None:
            for plugin in self.plugins:
                run_plugin(plugin)
            self._ready = pickle.loads(self.augments)
        shape = (len(numbers), self.spec.frames, *self.spec.size, self.spec.planes)
        clips = self.source.gather(self.clips[numbers], torch.empty(shape, dtype=torch.uint8))
        drawn = []
        for clip, number in zip(clips.numpy(), numbers.tolist(), strict=True):
            seed = np.random.SeedSequence([self.seed, epoch, number]).generate_state(1)[0]
            drawn.append(draw_clip(self._ready, clip, int(seed)))
        return torch.from_numpy(np.stack(drawn))


def _prepare_process(worker: int) -> None:
    """Ignore Ctrl-C, which the training process handles; limit OpenCV to one thread."""
    import cv2

    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
