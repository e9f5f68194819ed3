"""Contract checks for methods; the methods of vadkit pass them, and yours can use them too.

    from vadkit.testing import check_method

    def test_mine():
        check_method({"method": {"type": "my-method"}, "clip": {"size": [32, 32]}})

If a check fails, it raises ``AssertionError`` with one line that gives the reason. Checks run on
the CPU.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vadkit.data.clips.batch import make_clips
from vadkit.data.clips.extras import ClipExtras
from vadkit.data.clips.ranges import scatter_scores, scoring_starts
from vadkit.data.flow.dis import Dis
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.engine.trainer import Trainer
from vadkit.methods.method import Method
from vadkit.methods.poses.method import PoseMethod
from vadkit.recipe import Recipe
from vadkit.recipe.resolve import resolve
from vadkit.registry import find
from vadkit.testing_bags import check_bags, check_rows
from vadkit.testing_poses import check_poses
from vadkit.workflows.build import build_method, build_optimizers, build_schedules

_CPU = torch.device("cpu")
# The tolerance for sums of floats in another order, which depends on the batch size.
_RELATIVE, _ABSOLUTE = 1e-3, 1e-5
# The number of training videos.
_VIDEOS = 16


def check_method(sections: Mapping[str, Any], *, steps: int = 100) -> None:
    """Run all checks below on a method, given as recipe sections.

    ``dataset`` and ``name`` are optional. Choose small networks and clips: ``check_learns`` takes
    ``steps`` steps. For a method on features of segments, the checks are those of
    ``vadkit.testing_bags``, on planted features, or of ``vadkit.testing_poses``, on drawn walkers.
    """
    recipe = resolve({"name": "contract", "dataset": {"type": "synthetic"}, **sections})
    if recipe.bags is not None:
        kind: Any = find("methods", recipe.method.type).load()
        if issubclass(kind, PoseMethod):
            check_poses(recipe, steps)
        else:
            check_bags(recipe, steps) if getattr(kind, "pairs", True) else check_rows(recipe)
        return
    clips = _clips(recipe, moving_squares(_VIDEOS, 40, recipe.clip.size))
    method = train(recipe, clips, steps, videos=_VIDEOS)
    check_scores(method)
    check_scoring_changes_nothing(method)
    check_state(method, build_method(recipe, _CPU))
    check_bfloat16(method)
    check_learns(method)
    check_accepts(method, build_method(recipe, _CPU))


def check_scores(method: Method) -> None:
    """Check that scores belong to the frames of the clip spec and depend only on their clip.

    Neither the batch size nor the clip's place in the batch may change a score.
    """
    spec, clips = method.clip, _random_clips(method, 5)
    scores = method.score(clips)
    wanted = (len(clips), len(spec.scored))
    assert scores.frames.shape == wanted, f"frames are {tuple(scores.frames.shape)}, not {wanted}"
    assert not scores.frames.isinf().any(), "a score is infinite"
    assert not scores.frames.requires_grad, "scores carry gradients"
    assert all(0 <= place < spec.scoring.frames for place in spec.scored), (
        f"scored offsets {spec.scored} lie outside the clip of {spec.scoring.frames} frames"
    )
    if scores.maps is not None:
        assert scores.maps.ndim == 4 and scores.maps.shape[:2] == wanted, (
            f"maps are {tuple(scores.maps.shape)}, not (clips, scored, h, w)"
        )
    for chosen in ([2], [4, 2], [3, 1, 4, 0, 2]):
        again = method.score(clips.pick(chosen))
        _same(again.frames, scores.frames[chosen], "a score depends on the batch around it")
        if again.maps is not None and scores.maps is not None:
            _same(again.maps, scores.maps[chosen], "a map depends on the batch around it")


def check_scoring_changes_nothing(method: Method) -> None:
    """Check that scoring does not change parameters, buffers, gradients or the mode."""
    before = {name: value.clone() for name, value in method.state_dict().items()}
    training, clips = method.training, _random_clips(method, 3)
    first = method.score(clips).frames
    second = method.score(clips).frames
    changed = [n for n, v in method.state_dict().items() if not torch.equal(v, before[n])]
    assert not changed, f"scoring changed {', '.join(changed)}"
    assert method.training == training, "scoring changed the training mode"
    assert torch.equal(first, second), "scoring the same clips twice gives other scores"


def check_state(method: Method, fresh: Method) -> None:
    """Check that ``state_dict`` is complete: a new method that loads it gives the same scores."""
    fresh.load_state_dict(method.state_dict())
    clips = _random_clips(method, 3)
    _same(
        fresh.eval().score(clips).frames, method.score(clips).frames, "state_dict lacks something"
    )


def check_bfloat16(method: Method) -> None:
    """Check that scores under bfloat16 autocast are finite, have the same shape, and are close."""
    clips = _random_clips(method, 3)
    exact = method.score(clips).frames
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = method.score(clips).frames
    assert rounded.shape == exact.shape, "scores have another shape under bfloat16"
    assert torch.equal(rounded.isfinite(), exact.isfinite()), "a score is not finite in bfloat16"
    near = 0.05 * exact.nan_to_num().abs().mean().item()
    torch.testing.assert_close(rounded.float(), exact.float(), rtol=0.1, atol=near, equal_nan=True)


def check_learns(method: Method) -> None:
    """Check that an unusual square scores above squares as in training.

    It changes direction, or it gets stripes: a method may look at motion or at appearance only.
    """
    size = method.clip.size
    normal = score_frames(method, moving_squares(3, 40, size, seed=7))[:, 20:]
    turned = score_frames(method, moving_squares(3, 40, size, seed=7, turns_at=20))[:, 20:]
    striped = score_frames(method, moving_squares(3, 40, size, seed=7, striped_at=20))[:, 20:]
    scored = np.isfinite(normal)
    usual, *unusual = (one[scored].mean() for one in (normal, turned, striped))
    assert max(unusual) > usual, (
        f"a planted anomaly scores {max(unusual):.4g}, normal frames {usual:.4g}"
    )


def check_accepts(method: Method, fresh: Method) -> None:
    """Check that a planted anomaly scores lower once it was accepted as normal, after loading.

    Does nothing for a method that does not accept video.
    """
    if not method.accepts:
        return
    fresh.load_state_dict(method.state_dict())
    fresh.eval()
    spec, size = method.clip.scoring, method.clip.size
    video = moving_squares(1, 40, size, seed=7, turns_at=20)
    planted = np.stack([video[0, s : s + spec.span : spec.step] for s in range(20, 40 - spec.span)])
    clips = _input(method.clip.scoring, planted)
    before = method.score(clips).frames
    fresh.accept(clips)
    fresh.settle()
    after = fresh.score(clips).frames
    usual, now = before.nanmean().item(), after.nanmean().item()
    assert now < usual, (
        f"a stretch that was accepted as normal scores {now:.4g}, before {usual:.4g}"
    )
    assert torch.equal(method.score(clips).frames.isnan(), after.isnan()), (
        "accepting a stretch changed which frames have a score"
    )


class _Batches:
    """``steps`` batches of randomly drawn clips, or all clips in order if ``steps`` is None.

    Clips come from ``videos`` videos in turn.
    """

    def __init__(
        self, spec: ClipSpec, clips_NTHWC: np.ndarray, size: int, steps: int | None, videos: int
    ) -> None:
        self.spec, self.clips, self.videos = spec, clips_NTHWC, videos
        rng, count = np.random.default_rng(0), len(clips_NTHWC)
        self.chosen = (
            np.array_split(np.arange(count), -(-count // size))
            if steps is None
            else [rng.choice(count, min(size, count)) for _ in range(steps)]
        )

    def __len__(self) -> int:
        return len(self.chosen)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Clips]:
        for chosen in self.chosen[start:]:
            clips = _input(self.spec, self.clips[chosen])
            yield replace(clips, videos=torch.from_numpy(chosen % self.videos))

    @property
    def counts(self) -> list[int]:
        """Clips of each video."""
        counted: list[int] = np.bincount(np.arange(len(self.clips)) % self.videos).tolist()
        return counted


def train(recipe: Recipe, clips_NTHWC: np.ndarray, steps: int, *, videos: int = 1) -> Method:
    """Train the method for ``steps`` steps with vadkit's trainer, on clips in random order.

    Clips come from ``videos`` videos in turn, and in order of time within a video.
    """
    settings = recipe.train.model_copy(update={"epochs": 1})
    recipe = recipe.model_copy(update={"train": settings})
    torch.manual_seed(settings.seed)
    method = build_method(recipe, _CPU)
    with tempfile.TemporaryDirectory() as run:
        Trainer(
            method,
            _Batches(method.clip, clips_NTHWC, settings.batch_size, steps, videos),
            name=recipe.name,
            run=Path(run),
            settings=settings,
            device=_CPU,
            dtype=torch.float32,
            optimizers=build_optimizers(recipe, method),
            schedules=build_schedules(recipe),
            hooks=[],
            collect_loader=_Batches(method.clip, clips_NTHWC, settings.batch_size, None, videos),
        ).fit()
    return method.eval()


def moving_squares(
    videos: int,
    frames: int,
    size: tuple[int, int],
    *,
    seed: int = 0,
    turns_at: int | None = None,
    striped_at: int | None = None,
) -> np.ndarray:
    """Return videos (N, T, H, W, 1) uint8 of a bright square that moves right and wraps around.

    From frame ``turns_at`` on, it moves down instead; from frame ``striped_at`` on, it has stripes.
    """
    height, width = size
    side, rng = max(4, min(size) // 4), np.random.default_rng(seed)
    pictures = np.full((videos, frames, height, width, 1), 40, np.uint8)
    for video in pictures:
        top, left = rng.integers(0, height), rng.integers(0, width)
        for number, picture in enumerate(video):
            down = turns_at is not None and number >= turns_at
            top, left = (top + 2, left) if down else (top, left + 2)
            rows, columns = (top + np.arange(side)) % height, (left + np.arange(side)) % width
            picture[np.ix_(rows, columns)] = 220
            if striped_at is not None and number >= striped_at:
                picture[np.ix_(rows[np.arange(side) % 4 < 2], columns)] = 0
    return pictures


def score_frames(method: Method, videos_NTHWC: np.ndarray) -> np.ndarray:
    """Return raw scores (N, T) of videos, NaN for frames without a score."""
    spec = method.clip.scoring
    found = []
    for video in videos_NTHWC:
        starts = scoring_starts(len(video), spec)
        clips = _input(spec, np.stack([video[s : s + spec.span : spec.step] for s in starts]))
        parts = [range(first, min(first + 8, len(starts))) for first in range(0, len(starts), 8)]
        scores = torch.cat([method.score(clips.pick(part)).frames for part in parts])
        found.append(scatter_scores(scores.double().numpy(), starts, len(video), spec))
    return np.stack(found)


def _clips(recipe: Recipe, videos_NTHWC: np.ndarray) -> np.ndarray:
    spec = build_method(recipe, _CPU).clip
    count = videos_NTHWC.shape[1] - spec.span + 1
    assert count > 0, f"clips of {spec.span} frames are too long for the checks"
    return np.concatenate(
        [videos_NTHWC[:, start : start + spec.span : spec.step] for start in range(count)]
    )


def _input(spec: ClipSpec, clips_BTHWC: np.ndarray, extras: ClipExtras | None = None) -> Clips:
    planes = torch.from_numpy(clips_BTHWC).expand(-1, -1, -1, -1, spec.planes)
    return make_clips(planes, extras or _seen(spec, clips_BTHWC), spec, _CPU, torch.float32)


def _seen(spec: ClipSpec, clips_BTHWC: np.ndarray) -> ClipExtras:
    """Return the optical flow between the clips' frames, and one box around the bright pixels."""
    flow = boxes = None
    if spec.flow:
        flow_of = Dis(preset="ultrafast")
        moved = [[flow_of(clip[max(t - 1, 0)], clip[t]) for t in spec.flow] for clip in clips_BTHWC]
        flow = torch.from_numpy(np.array(moved))
    if spec.boxes is not None:
        boxes = tuple(_box_of_bright(clip[spec.boxes]) for clip in clips_BTHWC)
    return ClipExtras(flow, boxes)


def _box_of_bright(frame_HWC: np.ndarray) -> Tensor:
    rows, columns = np.nonzero(frame_HWC[..., 0] > 130)
    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if len(rows) else []
    return torch.tensor(box, dtype=torch.float32).view(-1, 4)


def _random_clips(method: Method, count: int) -> Clips:
    spec = method.clip.scoring
    rng = np.random.default_rng(1)
    clips = rng.integers(0, 256, (count, spec.frames, *spec.size, 1), dtype=np.uint8)
    flow = rng.normal(size=(count, len(spec.flow), *spec.size, 2)).astype(np.float32)
    # Clip n has n objects, so the first has none.
    corners = [rng.uniform(0, min(spec.size), (number, 2, 2)) for number in range(count)]
    boxes = [np.concatenate([c.min(axis=1), c.max(axis=1)], axis=1) for c in corners]
    extras = ClipExtras(
        torch.from_numpy(flow) if spec.flow else None,
        tuple(torch.from_numpy(b).float() for b in boxes) if spec.boxes is not None else None,
    )
    return _input(spec, clips, extras)


def _same(found: Tensor, expected: Tensor, message: str) -> None:
    try:
        torch.testing.assert_close(found, expected, rtol=_RELATIVE, atol=_ABSOLUTE, equal_nan=True)
    except AssertionError as error:
        raise AssertionError(f"{message}: {str(error).splitlines()[-2]}") from None
