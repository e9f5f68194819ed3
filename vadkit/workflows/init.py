"""A small project for one camera: a recipe fitted to its videos, a plugin file, and what to do."""

from __future__ import annotations

import itertools
import math
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vadkit.errors import DataError, RecipeError
from vadkit.files import write_whole_folder
from vadkit.plugins import read_plugin
from vadkit.text import encodable, printable
from vadkit.trust import remember_own

if TYPE_CHECKING:
    from vadkit.data.decode import VideoInfo

_PLUGIN = Path(__file__).parent / "project" / "my_parts.py"
# Videos that are looked at, spread over all.
_LOOKED_AT = 200
# Clip sizes are multiples of what every method can take, and of about so many pixels.
_MULTIPLE, _LEAST, _MOST, _PIXELS = 8, 60_000, 110_000, 80_000
# Shapes that differ by less look the same.
_SAME_SHAPE = 0.03
# Seconds in which the weight of an old score halves.
_HALFLIFE_S = 0.4


@dataclass(frozen=True)
class Footage:
    """What a folder of videos holds: their number, size (height, width), rate and length.

    ``size`` and ``fps`` are the most common ones; ``bad`` are videos that cannot be read, with
    reasons; ``notes`` say what a person should know of them. ``hours`` is estimated where not every
    video was looked at, None where files do not say.
    """

    videos: int
    size: tuple[int, int]
    fps: float
    hours: float | None
    bad: list[str]
    notes: list[str]


def make_project(name: str, videos: Path, *, folder: Path | None = None) -> tuple[Path, Footage]:
    """Write the project ``name`` for the normal videos in a folder; gives its folder.

    That is ``./NAME`` unless ``folder`` says otherwise, and must not hold anything. Raises
    ``DataError`` where no video can be read, ``RecipeError`` for a name or folder that cannot be
    used.
    """
    from vadkit.recipe import load_recipe

    if not re.fullmatch(r"[\w][\w.-]*", name):
        raise RecipeError(f"'{name}' cannot name a project; use letters, digits, '-', '_' and '.'")
    folder = folder or Path(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RecipeError(f"{folder} exists already; give another name, or remove it")
    if encodable(str(videos)) != str(videos):
        raise RecipeError(
            f"the path of {printable(str(videos))} is not UTF-8, which a recipe cannot "
            "hold; rename the folder, or make a link to it"
        )
    footage = look_at(videos)
    if folder.exists():
        folder.rmdir()
    with write_whole_folder(folder) as partial:
        shutil.copyfile(_PLUGIN, partial / "my_parts.py")
        (partial / "recipe.yaml").write_text(_recipe(name, videos, footage), encoding="utf-8")
        load_recipe(str(partial / "recipe.yaml"))
        (partial / "README.md").write_text(_readme(name, folder, videos), encoding="utf-8")
    plugin = read_plugin(folder / "my_parts.py")
    remember_own({plugin.digest: plugin.path}, "init")
    return folder, footage


def look_at(folder: Path) -> Footage:
    """Probe the videos below a folder; ``DataError`` where none can be read."""
    from vadkit.data.datasets.folder import find_videos
    from vadkit.data.decode import probe
    from vadkit.data.decode_process import Worker

    found = find_videos(folder)
    step = max(1, math.ceil(len(found) / _LOOKED_AT))
    seen: list[VideoInfo] = []
    bad: list[str] = []
    looked = found[::step]
    with Worker() as worker:
        for _, path in looked:
            try:
                seen.append(probe(path, worker=worker))
            except DataError as error:
                bad.append(str(error))
    if not seen:
        raise DataError(f"none of the {len(bad)} videos in {folder} can be read; {bad[0]}")
    size, _ = Counter(one.size for one in seen).most_common(1)[0]
    fps, _ = Counter(round(one.fps, 2) for one in seen).most_common(1)[0]
    lengths = [one.duration for one in seen if one.duration]
    hours = sum(lengths) / len(lengths) * len(found) / 3600 if lengths else None
    notes = [*_notes_on_sizes(seen, size), *_notes_on_rates(seen, fps)]
    if step > 1:
        notes.append(f"looked at {len(looked)} of {len(found)} videos")
    return Footage(len(found), size, fps, hours, bad, notes)


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
            f"{usual}: pictures of another shape are stretched to fit, so things in them look and "
            "move differently; make a project for each camera"
        ]
    return [f"{usual}: all are scaled to one size"]


def _notes_on_rates(seen: Sequence[VideoInfo], fps: float) -> list[str]:
    others = Counter(round(one.fps, 2) for one in seen if abs(one.fps - fps) > 0.05 * fps)
    if not others:
        return []
    named = ", ".join(f"{rate:g} ({count})" for rate, count in others.most_common(4))
    return [
        f"most videos have {fps:g} frames a second, others {named}: speeds are measured from frame "
        "to frame, so these look faster or slower; make a project for each rate"
    ]


def fitted_size(size: tuple[int, int]) -> tuple[int, int]:
    """The clip's (height, width) for a picture: its shape, in multiples of 8, not enlarged.

    Of the sizes of 60 to 110 thousand pixels it is the one with the truest shape, nearly; of
    equally true ones the nearest to 80 thousand.
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
        # Smaller than that, or much longer than high.
        scale = min(1.0, math.sqrt(_PIXELS / (high * wide)))
        fits = [max(_MULTIPLE, int(side * scale) // _MULTIPLE * _MULTIPLE) for side in size]
        return fits[0], fits[1]

    def off(one: tuple[int, int]) -> float:
        wrong = abs(math.log(one[1] / one[0] / shape))
        return wrong + 0.2 * abs(math.log(one[0] * one[1] / _PIXELS))

    return min(sizes, key=off)


def _recipe(name: str, videos: Path, footage: Footage) -> str:
    from vadkit.recipe.source import to_yaml

    height, width = fitted_size(footage.size)
    root = to_yaml(str(videos.expanduser().absolute()), width=1000).splitlines()[0]
    halflife = round(_HALFLIFE_S * footage.fps, 1)
    hours = "" if footage.hours is None else f", {_duration(footage.hours)} in all"
    skip = "data: {on_bad_video: skip}  # some videos cannot be read\n" if footage.bad else ""
    return f"""\
# Videos: {footage.videos}, of {footage.size[1]}x{footage.size[0]}, \
{footage.fps:g} frames a second{hours}.
name: {name}
plugins: [my_parts.py]
dataset: {{type: folder, root: {root}}}
{skip}\
clip: {{size: [{height}, {width}], channels: gray}}  # height and width, the shape of the picture
method:
  type: fusion
  parts:
    motion: {{type: motion-field}}  # how fast things move, against how fast they usually do there
    scene: {{type: scene-bank}}  # what is there, against what usually is
scorers: [{{type: ema, halflife: {halflife:g}}}]  # in frames: {_HALFLIFE_S:g} s
calibration: {{false_alarms_per_hour: 1}}
alarms: {{min_duration_s: 0, merge_s: 2, cooldown_s: 0}}
# What `vadkit infer` and `vadkit watch` write beside what they always do; see
# `vadkit list-components sinks`.
sinks: [{{type: jsonl}}, {{type: plot}}, {{type: video}}, {{type: events}}, {{type: snapshots}}]
"""


def _readme(name: str, folder: Path, videos: Path) -> str:
    return f"""\
# {name}

An alarm system for one camera, from the normal videos in `{videos}`.

| file | what |
|---|---|
| `recipe.yaml` | what is learned and how; every line can be changed |
| `my_parts.py` | parts of your own that the recipe can name |
| `runs/` | what training makes |

```
vadkit train {folder}/recipe.yaml --runs {folder}/runs   # its last line is the run, RUN below
vadkit infer RUN new-videos/            # scores, plots, annotated videos and events
vadkit watch RUN rtsp://camera/stream --web 8700   # live, with a page at http://127.0.0.1:8700
```

- More or fewer alarms: `vadkit calibrate RUN --false-alarms-per-hour 0.2`
- A threshold from other normal videos, better than from those trained on:
  `vadkit calibrate RUN --videos more-normal-videos/`
- Alarms elsewhere: `vadkit watch RUN 0 --sink type=webhook,url=https://example.org/alarms`
- Train again, when the scene has changed, with videos of how it is now.
- Try a video as if it were a camera: `vadkit watch RUN replay:new.mp4`
"""


def _duration(hours: float) -> str:
    units = [(hours, "h"), (hours * 60, "min"), (hours * 3600, "s")]
    value, unit = next(itertools.chain((one for one in units if one[0] >= 1), units[-1:]))
    return f"{value:.3g} {unit}"
