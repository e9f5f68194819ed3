"""Create a project for one camera: a recipe that fits its videos, a plugin file, a README."""

from __future__ import annotations

import itertools
import math
import re
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vadkit.errors import DataError, RecipeError
from vadkit.files import write_whole_folder
from vadkit.plugins import read_plugin
from vadkit.text import encodable, printable
from vadkit.trust import remember_own
from vadkit.workflows.init.choice import Choice, choose_parts

if TYPE_CHECKING:
    from vadkit.data.decoding.decode import VideoInfo

_PLUGIN = Path(__file__).parent / "template" / "my_parts.py"
# The number of videos to inspect, evenly spread.
_LOOKED_AT = 200
# Clip sides are multiples of what every method accepts, with about this many pixels.
_MULTIPLE, _LEAST, _MOST, _PIXELS = 8, 60_000, 110_000, 80_000
# Aspect ratios that differ by less count as equal.
_SAME_SHAPE = 0.03


class Part(NamedTuple):
    """A part of a recipe: its method, and what it detects."""

    method: str
    finds: str


PARTS = {
    "motion": Part("motion-field", "unusual speed and direction at each place"),
    "places": Part("place-features", "unusual appearance at each place"),
    "scene": Part("scene-bank", "unusual appearance at each place"),
}
# Half-life of the score's exponential average, in seconds.
_HALFLIFE_S = 0.4


@dataclass(frozen=True)
class Footage:
    """The contents of a folder of videos: number, size (height, width), frame rate and length.

    ``size`` and ``fps`` are the most common ones. ``paths`` are the inspected videos that can be
    read. ``bad`` lists unreadable videos with reasons, and
    ``notes`` are remarks for the user. ``hours`` is estimated if not every video was inspected, and
    None if the files do not state their length.
    """

    videos: int
    size: tuple[int, int]
    fps: float
    hours: float | None
    bad: list[str]
    notes: list[str]
    paths: list[Path]


def make_project(
    name: str,
    videos: Path,
    *,
    folder: Path | None = None,
    choose: bool = True,
    on_footage: Callable[[Footage], None] = lambda footage: None,
) -> tuple[Path, Footage, Choice]:
    """Write the project ``name`` for the normal videos in a folder; return the project's folder.

    With ``choose``, the parts of the recipe are measured on these videos, in at most 5 minutes on
    two cores; ``on_footage`` is called before that. The folder is ``./NAME`` unless ``folder`` is
    given, and must not contain anything. Raises ``DataError`` if no video can be read, and
    ``RecipeError`` for an unusable name or folder.
    """
    from vadkit.recipe import load_recipe

    if not re.fullmatch(r"[\w][\w.-]*", name):
        raise RecipeError(f"'{name}' cannot name a project; use letters, digits, '-', '_' and '.'")
    folder = folder or Path(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RecipeError(f"{folder} already exists; give another name, or remove it")
    if encodable(str(videos)) != str(videos):
        raise RecipeError(
            f"the path of {printable(str(videos))} is not UTF-8, so a recipe cannot contain it; "
            "rename the folder, or create a link to it"
        )
    footage = look_at(videos)
    on_footage(footage)
    parts = {name: PARTS[name].method for name in candidates()}
    if choose:
        choice = choose_parts(footage.paths, footage.fps, fitted_size(footage.size), parts)
    else:
        choice = Choice(tuple(parts), reason="nothing was measured")
    if folder.exists():
        folder.rmdir()
    with write_whole_folder(folder) as partial:
        shutil.copyfile(_PLUGIN, partial / "my_parts.py")
        (partial / "recipe.yaml").write_text(
            _recipe(name, videos, footage, choice), encoding="utf-8"
        )
        load_recipe(str(partial / "recipe.yaml"))
        (partial / "README.md").write_text(_readme(name, folder, videos), encoding="utf-8")
    plugin = read_plugin(folder / "my_parts.py")
    remember_own({plugin.digest: plugin.path}, "init")
    return folder, footage, choice


def look_at(folder: Path) -> Footage:
    """Probe the videos below a folder; raise ``DataError`` if none can be read."""
    from vadkit.data.datasets.folder import find_videos
    from vadkit.data.decoding.child import Worker
    from vadkit.data.decoding.decode import probe

    found = find_videos(folder)
    step = max(1, math.ceil(len(found) / _LOOKED_AT))
    seen: list[VideoInfo] = []
    bad: list[str] = []
    good: list[Path] = []
    looked = found[::step]
    with Worker() as worker:
        for _, path in looked:
            try:
                seen.append(probe(path, worker=worker))
                good.append(path)
            except DataError as error:
                bad.append(str(error))
    if not seen:
        raise DataError(f"none of the {len(bad)} videos in {folder} can be read; {bad[0]}")
    size, _ = Counter(one.size for one in seen).most_common(1)[0]
    fps, _ = Counter(round(one.fps, 2) for one in seen).most_common(1)[0]
    lengths = [one.duration for one in seen if one.duration]
    hours = sum(lengths) / len(lengths) * len(found) / 3600 if lengths else None
    notes = [*_notes_on_sizes(seen, size), *_notes_on_rates(seen, fps)]
    if not has_weights():
        notes.append(
            "appearance is learned without a network; `pip install 'vadkit[backbones]'` before "
            "init makes a more accurate recipe"
        )
    if step > 1:
        notes.append(f"inspected {len(looked)} of {len(found)} videos")
    return Footage(len(found), size, fps, hours, bad, notes, good)


def _notes_on_sizes(seen: Sequence[VideoInfo], size: tuple[int, int]) -> list[str]:
    others = Counter(one.size for one in seen if one.size != size)
    if not others:
        return []
    shape = math.log(size[1] / size[0])
    odd = [s for s in others if abs(math.log(s[1] / s[0]) - shape) > _SAME_SHAPE]
    named = ", ".join(f"{w}x{h} ({others[h, w]})" for h, w in list(others)[:4])
    usual = f"most videos are {size[1]}x{size[0]}, others {named}"
    if odd:
        return [
            f"{usual}: images with another aspect ratio are stretched, so objects in them look "
            "and move differently; make a project for each camera"
        ]
    return [f"{usual}: all are scaled to one size"]


def _notes_on_rates(seen: Sequence[VideoInfo], fps: float) -> list[str]:
    others = Counter(round(one.fps, 2) for one in seen if abs(one.fps - fps) > 0.05 * fps)
    if not others:
        return []
    named = ", ".join(f"{rate:g} ({count})" for rate, count in others.most_common(4))
    return [
        f"most videos have {fps:g} frames per second, others {named}: speeds are measured between "
        "frames, so these look faster or slower; make a project for each rate"
    ]


def fitted_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the clip's (height, width) for an image: its shape in multiples of 8, not enlarged.

    Among the sizes of 60 to 110 thousand pixels, it is nearly the one with the most accurate aspect
    ratio; among equally accurate ones, the one closest to 80 thousand.
    """
    high, wide = size
    shape = wide / high
    sizes = [
        (h, w)
        for h, w in (
            (h, _MULTIPLE * max(1, round(h * shape / _MULTIPLE)))
            for h in range(_MULTIPLE, high + 1, _MULTIPLE)
        )
        if w <= wide and _LEAST <= h * w <= _MOST
    ]
    if not sizes:
        # Smaller than that, or very elongated.
        scale = min(1.0, math.sqrt(_PIXELS / (high * wide)))
        fits = [max(_MULTIPLE, int(side * scale) // _MULTIPLE * _MULTIPLE) for side in size]
        return fits[0], fits[1]

    def off(one: tuple[int, int]) -> float:
        wrong = abs(math.log(one[1] / one[0] / shape))
        return wrong + 0.2 * abs(math.log(one[0] * one[1] / _PIXELS))

    return min(sizes, key=off)


def _recipe(name: str, videos: Path, footage: Footage, choice: Choice) -> str:
    from vadkit.recipe.source import to_yaml

    height, width = fitted_size(footage.size)
    root = to_yaml(str(videos.expanduser().absolute()), width=1000).splitlines()[0]
    halflife = round(_HALFLIFE_S * footage.fps, 1)
    hours = "" if footage.hours is None else f", {_duration(footage.hours)} in total"
    skip = ", on_bad_video: skip" if footage.bad else ""
    return f"""\
# Videos: {footage.videos}, of {footage.size[1]}x{footage.size[0]}, \
{footage.fps:g} frames per second{hours}.
name: {name}
plugins: [my_parts.py]
dataset: {{type: folder, root: {root}}}
data: {{store: none{skip}}}  # needs no disk space: video is decoded for every pass
clip: {{size: [{height}, {width}], channels: {_channels(choice)}}}  # in the shape of the video
{_method(choice)}
scorers: [{{type: ema, halflife: {halflife:g}}}]  # in frames: {_HALFLIFE_S:g} s
calibration: {{false_alarms_per_hour: 1}}
alarms: {{min_duration_s: 0, merge_s: 2, cooldown_s: 0}}
# Outputs of `vadkit infer` and `vadkit watch`; see `vadkit list-components sinks`.
sinks: [{{type: jsonl}}, {{type: plot}}, {{type: video}}, {{type: events}}, {{type: snapshots}}]
"""


def has_weights() -> bool:
    """Whether the weights of place-features are installed."""
    from vadkit.features.wheels import WHEELS, packaged

    return packaged(WHEELS["mobilenet_v2"]) is not None


def candidates() -> tuple[str, ...]:
    """Return the parts that a recipe can have here."""
    return ("motion", "places") if has_weights() else ("motion", "scene")


def _method(choice: Choice) -> str:
    named = [(name, PARTS[name]) for name in choice.parts]
    why = "".join(f"# {line}\n" for line in choice.lines()) if choice.areas else ""
    if len(named) == 1:
        ((_, part),) = named
        return f"{why}method: {{type: {part.method}}}  # {part.finds}"
    lines = [f"    {name}: {{type: {part.method}}}  # {part.finds}" for name, part in named]
    return "\n".join([f"{why}method:", "  type: fusion", "  parts:", *lines])


def _channels(choice: Choice) -> str:
    return "rgb" if "places" in choice.parts else "gray"


def _readme(name: str, folder: Path, videos: Path) -> str:
    return f"""\
# {name}

An alarm system for one camera, trained on the normal videos in `{videos}`.

| file | content |
|---|---|
| `recipe.yaml` | the recipe: what is learned and how; you can change every line |
| `my_parts.py` | your own components, which the recipe can name |
| `runs/` | output of training |

```
vadkit train {folder}/recipe.yaml --runs {folder}/runs  # the last line is the run folder: RUN below
vadkit infer RUN new-videos/                 # scores, plots, annotated videos and events
vadkit watch RUN rtsp://camera/stream --web 8700   # live, with a page at http://127.0.0.1:8700
```

- After training, mark what is not normal in the normal videos: `vadkit review RUN --web 8700`
- To answer past alarms: `vadkit events RUN --web 8700`; to learn from the answers:
  `vadkit update RUN`
- To get more or fewer alarms: `vadkit calibrate RUN --false-alarms-per-hour 0.2`
- To set the threshold from normal videos that were not used in training, which is better:
  `vadkit calibrate RUN --videos more-normal-videos/`
- To send alarms to a server:
  `vadkit watch RUN 0 --sink type=webhook,url=https://example.org/alarms`
- When the scene has changed, train again with new videos of it.
- To play a video as if it were a camera: `vadkit watch RUN replay:new.mp4`
"""


def _duration(hours: float) -> str:
    units = [(hours, "h"), (hours * 60, "min"), (hours * 3600, "s")]
    value, unit = next(itertools.chain((one for one in units if one[0] >= 1), units[-1:]))
    return f"{value:.3g} {unit}"
