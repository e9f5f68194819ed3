"""Which parts the recipe of a camera gets: measured on pseudo-anomalies in its own normal video."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vadkit.errors import DataError, VadkitError
from vadkit.files import describe_os_error
from vadkit.workflows.progress import no_messages, say

if TYPE_CHECKING:
    from vadkit.methods.method import Method
    from vadkit.workflows.pseudo import PseudoTest

# Short pieces of the videos are enough, and keep the time bounded: this many, of these lengths.
_PIECES, _SECONDS, _FEWEST, _MOST = 16, 4.0, 60, 100
# Fewer pieces cannot be divided into some to learn from and some to test on.
_FEWEST_PIECES = 6
# Videos are decoded from their start, so pieces come from their first frames: this many together.
_DECODED = 30_000
# Decoding ends after this time, with the pieces at hand.
_DECODING_S = 90.0
# Clips of each kind and strength of pseudo-anomaly.
_CLIPS = 3
# A part is left out only if the mean area is larger without it by more than ``HARM``, and if no
# kind's area is smaller without it by more than ``USE``. Pseudo-anomalies are mostly unusual motion
# and underrate appearance (docs/decisions/0025-parts-of-own-camera.md).
HARM, USE = 0.05, 0.02

Group = tuple[str, ...]


@dataclass(frozen=True)
class Choice:
    """The parts of a recipe, and why.

    ``areas`` is the AUC of each kind of pseudo-anomaly, by the parts that were used together; empty
    if nothing was measured, for the ``reason``. ``pieces`` of the videos, together ``seconds``
    long, were used.
    """

    parts: Group
    areas: dict[Group, dict[str, float]] = field(default_factory=dict)
    pieces: int = 0
    seconds: float = 0.0
    reason: str = ""

    def lines(self) -> list[str]:
        """Return lines for a terminal: what was measured, and what follows."""
        if not self.areas:
            return [f"parts: {' and '.join(self.parts)}, as usual; {self.reason}"]
        width = max(len(_named(parts)) for parts in self.areas)
        rows = [
            f"  {_named(parts):<{width}}  {mean(areas):.3f}"
            f"{'  in the recipe' * (parts == self.parts)}"
            for parts, areas in self.areas.items()
        ]
        kinds = len(self.areas[self.parts])
        about = (
            f"what detects {kinds} kinds of pseudo-anomalies in {self.seconds:.0f} s of these "
            "videos (mean AUC, videos not trained on):"
        )
        return [about, *rows]


def mean(areas: Mapping[str, float]) -> float:
    """Return the mean over the kinds."""
    return float(np.mean(list(areas.values())))


def _named(parts: Sequence[str]) -> str:
    return " + ".join(parts)


def best(areas: Mapping[Group, Mapping[str, float]]) -> Group:
    """Return all parts, or the best group without those that only do harm."""
    everything = max(areas, key=len)
    without = [
        group
        for group in areas
        if mean(areas[group]) > mean(areas[everything]) + HARM
        and all(areas[group][kind] >= area - USE for kind, area in areas[everything].items())
    ]
    return max(without, key=lambda group: mean(areas[group]), default=everything)


def choose_parts(
    videos: Sequence[Path], fps: float, size: tuple[int, int], parts: Mapping[str, str]
) -> Choice:
    """Fit ``parts`` on pieces of the videos, and test every group of them on pseudo-anomalies.

    ``parts`` has the method of each part. ``size`` is that of clips, and ``fps`` the usual rate. At
    most 5 minutes on two cores. All parts are chosen if the videos are too short or still.
    """
    usual = tuple(parts)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="vadkit-init-") as name,
            _cache(Path(name, "cache")),
        ):
            pieces = cut_pieces(videos, Path(name, "pieces"), fps, size)
            if len(pieces) < _FEWEST_PIECES:
                need = _FEWEST_PIECES * max(_FEWEST / fps, _SECONDS)
                reason = f"measuring them needs {need:.0f} s of video, read in {_DECODING_S:.0f} s"
                return Choice(usual, reason=reason)
            say("measuring what each part detects in these videos; this takes up to 5 minutes")
            with no_messages():
                areas = _measured(Path(name), fps, size, parts)
    except VadkitError as error:
        return Choice(usual, reason=f"they could not be measured: {error}")
    except OSError as error:
        return Choice(usual, reason=f"they could not be measured: {describe_os_error(error)}")
    return Choice(best(areas), areas, len(pieces), sum(pieces.values()) / fps)


def cut_pieces(
    videos: Sequence[Path], folder: Path, fps: float, size: tuple[int, int]
) -> dict[str, int]:
    """Write pieces of the videos as folders of images, and return their lengths in frames.

    They are spread evenly over the videos, and over the first part of each. Raises ``OSError`` if
    an image cannot be written.
    """
    from vadkit.data.decoding.child import Worker
    from vadkit.data.decoding.decode import probe, read_frames

    length = round(min(max(_SECONDS * fps, _FEWEST), _MOST))
    chosen = [videos[place] for place in _spread(len(videos), _PIECES)]
    share = -(-_PIECES // len(chosen))
    until = time.monotonic() + _DECODING_S
    pieces: dict[str, int] = {}
    with Worker() as worker:
        for number, path in enumerate(chosen):
            if time.monotonic() > until or len(pieces) >= _PIECES:
                break
            limit = _DECODED // len(chosen)
            try:
                frames = min(probe(path, worker=worker).frames or limit, limit)
                step = max(length, frames // share)
                with contextlib.closing(read_frames(path, size=size, worker=worker)) as images:
                    # Nothing is read after the last piece.
                    some = itertools.islice(images, min(frames, (share - 1) * step + length))
                    found = _cut(some, folder / f"{number:02}", length, step, until)
            except VadkitError:
                # init has said already which videos cannot be read.
                continue
            pieces.update(found)
    return pieces


def _spread(count: int, most: int) -> list[int]:
    """Return at most ``most`` of the numbers below ``count``, evenly spread."""
    return sorted({*np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()})


def _cut(
    images: Iterator[np.ndarray], folder: Path, length: int, step: int, until: float
) -> dict[str, int]:
    """Write the first ``length`` images of every ``step`` until then; return whole pieces."""
    import cv2

    pieces: dict[str, int] = {}
    for number, image in enumerate(images):
        piece, place = divmod(number, step)
        if place >= length:
            continue
        if place == 0 and time.monotonic() > until:
            break
        target = folder.with_name(f"{folder.name}-{piece:02}")
        target.mkdir(parents=True, exist_ok=True)
        file = target / f"{place:04}.png"
        if not cv2.imwrite(str(file), image[..., ::-1]):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
        pieces[target.name] = place + 1
    for name, count in pieces.items():
        if count < length:
            shutil.rmtree(folder.with_name(name))
    return {name: count for name, count in pieces.items() if count == length}


@contextlib.contextmanager
def _cache(folder: Path) -> Iterator[None]:
    """Keep frames of the pieces in a folder that is deleted afterwards, not in the user's cache."""
    before = os.environ.get("VADKIT_CACHE")
    os.environ["VADKIT_CACHE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["VADKIT_CACHE"]
        else:
            os.environ["VADKIT_CACHE"] = before


def _measured(
    folder: Path, fps: float, size: tuple[int, int], parts: Mapping[str, str]
) -> dict[Group, dict[str, float]]:
    """Return the AUC of each kind of pseudo-anomaly, for every group of parts."""
    from vadkit.recipe import load_recipe
    from vadkit.recipe.source import to_yaml
    from vadkit.workflows.held_out import HeldOut

    channels = "rgb" if "place-features" in parts.values() else "gray"
    recipe = {
        "name": "init",
        "dataset": {"type": "folder", "root": str(folder / "pieces")},
        "clip": {"size": list(size), "channels": channels, "fps": fps},
        "method": {"type": "fusion", "parts": {name: {"type": one} for name, one in parts.items()}},
        "evaluators": [{"type": "pseudo-anomaly", "clips": _CLIPS}],
        "calibration": None,
    }
    path = folder / "recipe.yaml"
    path.write_text(to_yaml(recipe), encoding="utf-8")
    loaded = load_recipe(str(path))
    held_out = HeldOut(loaded)
    return _areas(held_out.prepared(loaded), held_out.fit(loaded), tuple(parts))


def _areas(test: PseudoTest, method: Method, parts: Group) -> dict[Group, dict[str, float]]:
    from vadkit.evaluation.pseudo_anomaly import ScoredClip

    normal = {
        video.id: test.parts_of(method, video, extras)
        for video, extras in zip(test.untouched, test.extras, strict=True)
    }
    if any(len(levels) < len(parts) for levels in normal.values()):
        raise DataError("the pieces are too short to compare them")
    made = [
        (clip, clip.truth()[0], test.parts_of(method, clip.frames, extras))
        for clip, extras in zip(test.clips, test.clip_extras, strict=True)
        if not clip.control
    ]
    areas = {}
    for count in range(1, len(parts) + 1):
        for group in itertools.combinations(parts, count):
            metrics = test.evaluator(
                {name: _highest(levels, group) for name, levels in normal.items()},
                [
                    ScoredClip(clip.kind, clip.strength, False, _highest(levels, group)[labels])
                    for clip, labels, levels in made
                ],
            )
            areas[group] = {
                one.category: one.value
                for one in metrics
                if one.category is not None and one.strength is None
            }
    return areas


def _highest(levels: Mapping[str, np.ndarray], group: Sequence[str]) -> np.ndarray:
    """Return the highest level of a group of parts (N,), as fusion does; NaN without a score."""
    highest: np.ndarray = np.maximum.reduce([levels[name] for name in group])
    return highest
