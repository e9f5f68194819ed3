"""Captions of frames by a program of the user, such as a vision-language model."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from vadkit.errors import DataError, RecipeError, TrainingError
from vadkit.text import printable

# A caption that is longer is no caption.
_LONGEST = 20_000


def caption_video(
    video: Path, command: Sequence[str], *, every: int = 1, timeout_s: float = 3600.0
) -> list[str]:
    """Return a caption for each frame of a video file or folder of images.

    Every ``every``-th frame is captioned, and the frames until the next one have the same caption.
    The frames are JPEG files (or the images of the folder); see ``run_captioner``.
    """
    from vadkit.data.decoding.folders import image_files

    if every < 1:
        raise RecipeError(f"--every {every} is not a number of frames; give 1 or more")
    if video.is_dir():
        images = image_files(video)
        frames = len(images)
        lines = run_captioner(command, [one.absolute() for one in images[::every]], timeout_s)
    else:
        with tempfile.TemporaryDirectory(prefix="vadkit-frames-") as folder:
            frames, written = _write_frames(video, Path(folder), every)
            lines = run_captioner(command, written, timeout_s)
    if not frames:
        raise DataError(f"{video} has no frames")
    return [lines[frame // every] for frame in range(frames)]


def _write_frames(video: Path, folder: Path, every: int) -> tuple[int, list[Path]]:
    """Write every ``every``-th frame as a JPEG; return the number of all frames, and the files."""
    import cv2

    from vadkit.data.decoding.decode import read_frames

    frames, written = 0, []
    for number, frame in enumerate(read_frames(video)):
        frames = number + 1
        if number % every == 0:
            path = folder / f"{number:08d}.jpg"
            if not cv2.imwrite(str(path), frame[:, :, ::-1]):
                raise TrainingError(f"{path} cannot be written; is the disk full?")
            written.append(path)
    return frames, written


def run_captioner(command: Sequence[str], images: Sequence[Path], timeout_s: float) -> list[str]:
    """Run a command that reads paths of images and prints a caption for each, in their order.

    The command is a list of arguments and never passes through a shell. It gets one path a line on
    standard input and must print one line for each on standard output; its standard error is shown.
    Raises ``TrainingError`` if it cannot be started, fails, does not end in time, or prints another
    number of lines.
    """
    name = printable(" ".join(command), 200)
    if not command:
        raise RecipeError("no command for captions; give it after --")
    paths = "".join(f"{path}\n" for path in images)
    try:
        done = subprocess.run(
            list(command),
            input=paths.encode("utf-8", "surrogateescape"),
            stdout=subprocess.PIPE,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TrainingError(
            f"the command '{name}' did not end in {timeout_s:g} s; use --timeout-s, or caption "
            "fewer frames with --every"
        ) from None
    except OSError as error:
        raise TrainingError(
            f"the command '{name}' cannot be started: {error.strerror or error}"
        ) from None
    if done.returncode:
        raise TrainingError(f"the command '{name}' failed with exit code {done.returncode}")
    lines = done.stdout.decode("utf-8", "replace").removesuffix("\n").split("\n")
    if len(lines) != len(images):
        raise TrainingError(
            f"the command '{name}' printed {len(lines)} lines for {len(images)} images; it must "
            "print one line for each, in their order"
        )
    return [printable(line.strip(), _LONGEST) for line in lines]
