"""Cases of benchmarks/cases.py whose files are made here, from the base scene."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
from case_tools import infer, own_camera, vadkit, write_video

# The folder of all cases and an empty folder to work in; whether the case is right, and its values.
Case = Callable[[Path, Path], tuple[bool, str]]


def base_frames(cases: Path) -> list[np.ndarray]:
    """Return the frames of the base scene with its alarm at 1.4 s."""
    with av.open(str(cases / "base" / "src100.mp4")) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def write(path: Path, frames: list[np.ndarray], rate: int) -> Path:
    """Write frames nearly without loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "8"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def starts(out: Path) -> list[float]:
    """Return the starts of the alarms in an event log."""
    log = out / "events.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    return [round(json.loads(line)["start"], 2) for line in lines]


def other_rates(cases: Path, work: Path) -> tuple[bool, str]:
    """The scene at half, twice and two and a half times the rate has the same alarm."""
    frames = base_frames(cases)
    videos = {
        "half": write(work / "half.mp4", frames[::2], 5),
        "twice": write(work / "twice.mp4", [one for one in frames for _ in range(2)], 20),
        "25": write(work / "25.mp4", [frames[n * 10 // 25] for n in range(250)], 25),
    }
    plain = infer(cases, work, "base/src100.mp4")
    start = min(plain.alarms)
    right, words = True, [f"plain: alarms at {plain.alarms} s"]
    for name, video in videos.items():
        out = work / f"out-{name}"
        done = vadkit("infer", own_camera(cases), video, "--out", out, "--sink", "events")
        found = starts(out)
        said = "and the model was trained at 10" in done.err
        right = right and done.code == 0 and said and len(found) == 1
        # At 5 frames per second, the first scored frame is at 1.4 s.
        right = right and abs(found[0] - start) <= 0.75
        words.append(f"{name}: alarms at {found} s")
    return right, ", ".join(words)


def other_shape(cases: Path, work: Path) -> tuple[bool, str]:
    """Pictures of another shape are refused, and scored with --stretch."""
    frames = [cv2.resize(frame, (512, 288)) for frame in base_frames(cases)]
    video = write(work / "wide.mp4", frames, 10)
    command = ["infer", own_camera(cases), video, "--out", work / "out", "--sink", "npz"]
    refused, stretched = vadkit(*command), vadkit(*command, "--stretch")
    right = refused.code == 3 and "add --stretch" in refused.err and stretched.code == 0
    return right, refused.err.splitlines()[-1].strip()


def look_alike_names(cases: Path, work: Path) -> tuple[bool, str]:
    """Every one of several videos with similar names keeps its result and its events."""
    names = [
        "cameraA/05.03",
        "cameraB/05.03",
        "gate 1",
        "gate_1",
        "a/b",
        "a_b",
        "a-b",
        "two\nlines",
    ]
    for name in names:
        path = work / "videos" / f"{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(cases / "base" / "src100.mp4", path)
    out = work / "out"
    options = ["--sink", "npz", "--sink", "events", "--sink", "snapshots", "--workers", 2]
    done = vadkit("infer", own_camera(cases), work / "videos", "--out", out, *options)
    results, pictures = list(out.rglob("*.npz")), list(out.rglob("*.jpg"))
    counts = len(names), len(results), len(starts(out)), len(pictures)
    return done.code == 0 and len(set(counts)) == 1, (
        "{} videos, {} results, {} alarms, {} pictures".format(*counts)
    )


def usual_suffixes(cases: Path, work: Path) -> tuple[bool, str]:
    """Files of recorders are found; bins and partial files are left out, with a count."""
    kept = ["a.dav", "b.mts", "c.m2ts", "d.asf", "e.vob", "f.gif"]
    left = [
        "@eaDir/a.mp4",
        "#recycle/b.mp4",
        "$RECYCLE.BIN/c.mp4",
        "d.mp4.part",
        "._e.mp4",
        "f.zip",
    ]
    forms = {".dav": "mpegts", ".mts": "mpegts", ".m2ts": "mpegts", ".vob": "vob", ".gif": "gif"}
    for name in kept:
        path = work / "videos" / name
        form = forms.get(path.suffix, "asf")
        write_video(path.with_suffix(".mkv"), 30)
        command = [str(path.with_suffix(".mkv")), str(path), form]
        _remux(*command)
        path.with_suffix(".mkv").unlink()
    for name in left:
        path = work / "videos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(cases / "base" / "src100.mp4", path)
    done = vadkit("data", "check", work / "videos")
    seen = [name for name in kept if Path(name).stem in done.out]
    warned = [line for line in done.err.splitlines() if "left out" in line]
    return len(seen) == len(kept) and bool(warned), f"{len(seen)} read; {' '.join(warned)}"


def _remux(source: str, target: str, form: str) -> None:
    """Write the frames of a video in another container, with a codec that it can hold."""
    codec = {"gif": "gif", "asf": "wmv2"}.get(form, "mpeg2video")
    pixels = "rgb8" if form == "gif" else "yuv420p"
    with av.open(source) as container, av.open(target, "w", format=form) as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for frame in container.decode(video=0):
            picture = av.VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"), format="rgb24")
            out.mux(stream.encode(picture.reformat(format=pixels)))
        out.mux(stream.encode())


def odd_images(cases: Path, work: Path) -> tuple[bool, str]:
    """Decimal names are in order of value; an empty image and a TIFF of pages are named."""
    frames = base_frames(cases)
    times = work / "times"
    times.mkdir()
    for number, frame in enumerate(frames):
        # 0.05 s steps, such as 1696092107.9 and 1696092107.95.
        name = f"{1696092107 + number * 0.05:.2f}".rstrip("0").rstrip(".")
        cv2.imwrite(str(times / f"{name}.png"), frame[..., ::-1])
    out = work / "out"
    done = vadkit("infer", own_camera(cases), times, "--out", out, "--sink", "events")
    found = starts(out)
    (work / "empty").mkdir()
    cv2.imwrite(str(work / "empty" / "1.png"), frames[0])
    (work / "empty" / "2.png").touch()
    empty = vadkit("infer", own_camera(cases), work / "empty", "--out", out)
    (work / "pages").mkdir()
    cv2.imwritemulti(str(work / "pages" / "1.tif"), frames[:3])
    pages = vadkit("infer", own_camera(cases), work / "pages", "--out", out)
    right = done.code == 0 and len(found) == 1
    right = right and empty.code == 3 and "2.png" in empty.err
    right = right and pages.code == 3 and "1.tif" in pages.err
    last = [one.err.splitlines()[-1].strip() for one in (empty, pages)]
    return right, f"{len(found)} alarm; {last[0]}; {last[1]}"


def hostile_files(cases: Path, work: Path) -> tuple[bool, str]:
    """Files that would run code, recurse or unpack without end give one line each."""
    folder, home = cases / "security", work / "home"
    home.mkdir()
    shutil.copytree(cases / "base" / "normal", home / "videos")
    shutil.copy(folder / "readers_os_remove.yaml", home)
    runs = {
        "reader": vadkit("data", "check", "readers_os_remove.yaml", folder=home),
        "brackets": vadkit("validate", folder / "deep_nesting.yaml"),
        "labels": vadkit("data", "convert", folder / "label_bomb.npz", "--out", work / "l.json"),
    }
    whole = len(list((home / "videos").iterdir())) == len(
        list((cases / "base" / "normal").iterdir())
    )
    right = whole and all(one.code in (2, 3, 5) and one.err for one in runs.values())
    right = right and not any("Traceback" in one.err for one in runs.values())
    return right, "; ".join(f"{name}: {one.err.splitlines()[-1]}" for name, one in runs.items())


MADE: dict[str, Case] = {
    "frame-rates": other_rates,
    "picture-shape": other_shape,
    "names": look_alike_names,
    "suffixes": usual_suffixes,
    "images": odd_images,
    "security": hostile_files,
}
