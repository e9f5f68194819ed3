"""Scores of several videos, on a GPU two at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

import numpy as np
import torch

from vadkit.data.clips.extras import Extras
from vadkit.data.videos import FrameReader
from vadkit.engine.scoring import Detected, score_video_parts
from vadkit.methods.method import Method

VideoScores = tuple[np.ndarray, dict[str, np.ndarray]]


def score_videos(
    method: Method,
    videos: Sequence[FrameReader],
    extras: Sequence[Extras],
    *,
    device: torch.device,
    dtype: torch.dtype,
    batch_size: int,
    scored: Callable[[int], None] = lambda clips: None,
    at_once: int | None = None,
    detected: Sequence[Detected] = (),
) -> Generator[VideoScores]:
    """Yield the scores (N,) of each video, in order, and their parts; see ``score_video_parts``.

    ``at_once`` videos are scored at a time: by default two on a GPU, which would otherwise wait for
    the first frames of each video, and else one. A method that learns from the videos gets one
    after the other. ``scored`` is called by one thread at a time.
    """
    stop, lock = threading.Event(), threading.Lock()

    def tell(clips: int) -> None:
        if stop.is_set():
            raise CancelledError
        with lock:
            scored(clips)

    def score(number: int) -> VideoScores:
        return score_video_parts(
            method,
            videos[number],
            device=device,
            dtype=dtype,
            batch_size=batch_size,
            extras=extras[number],
            scored=tell,
            detected=detected[number] if detected else None,
        )

    count = at_once or (2 if device.type == "cuda" else 1)
    if count == 1 or method.adapts:
        yield from map(score, range(len(videos)))
        return
    with ThreadPoolExecutor(count, thread_name_prefix="videos") as pool:
        waiting: deque[Future[VideoScores]] = deque()
        try:
            for number in range(len(videos)):
                waiting.append(pool.submit(score, number))
                if len(waiting) > count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            # After an error or Ctrl-C, the others end with their next batch.
            stop.set()
            pool.shutdown(cancel_futures=True)
