"""Give stretches of normal video to a method that accepts them after training."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from vadkit.workflows.answered.stretch import Stretch, live_scores

if TYPE_CHECKING:
    from vadkit.data.pace import Pacer
    from vadkit.inference.sources.source import Frame
    from vadkit.methods.method import Method
    from vadkit.workflows.detector import Detector

# A stretch is accepted again until its score is below the threshold, at most so often.
_ROUNDS = 6


def accept_stretch(detector: Detector, stretch: Stretch) -> float:
    """Accept a stretch until it is no alarm any more; return its highest score after that."""
    from vadkit.data.pace import Pacer

    for _ in range(_ROUNDS):
        pacer = Pacer(detector.method.clip.fps, stretch.fps)
        accept_frames(detector, stretch.frames, pacer, stretch)
        peak = live_scores(detector, stretch).peak
        if not peak >= detector.threshold:
            break
    return peak


def accept_frames(
    detector: Detector, frames: Iterable[Frame], pacer: Pacer, only: Stretch | None = None
) -> None:
    """Accept the clips of frames, which are read once; with ``only``, those that end inside it."""
    import torch

    from vadkit.inference.prepare import prepare
    from vadkit.inference.window import Window

    method, spec = cast("Method", detector.method), detector.method.clip
    batch = detector.batch_size

    def new_window() -> Window:
        return Window(spec, 0, batch, detector.device)

    def accept() -> None:
        if window.ready:
            bfloat16 = detector.dtype == torch.bfloat16
            with torch.no_grad(), torch.autocast(detector.device.type, torch.bfloat16, bfloat16):
                method.accept(window.clips())
            window.ready.clear()

    window = new_window()
    for frame in prepare(iter(frames), spec, detector.flow, detector.objects, pacer):
        inside = only is None or only.contains(frame.time)
        if frame.starts_anew or not inside:
            accept()
        if frame.starts_anew:
            window = new_window()
        window.push(frame)
        if not inside:
            window.ready.clear()
        if len(window.ready) >= batch:
            accept()
        for _ in window.release():
            pass
    accept()
    method.settle()
