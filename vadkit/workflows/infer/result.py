"""The result of a scored video, and how a later call knows that it is still valid."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from vadkit.data.store.digests import content_state
from vadkit.errors import TrainingError
from vadkit.reading import read_json

RESULT = "result.json"
_FORMAT = "vadkit-result-1"


@dataclass(frozen=True)
class Inferred:
    """The result of one source.

    ``peak`` is the highest final score (or live score, if scorers normalise each video), and
    ``peak_s`` is its time in seconds; both are NaN if no frame was scored. ``alarms`` is the number
    of alarms, None without a threshold. ``camera_changes`` has the number of long changes of the
    camera by kind. ``error`` says why scoring failed; then the numbers are 0 or NaN. ``kept``
    marks the result of an earlier call. ``reasons`` say in words why the highest alarm was raised,
    if the method explains itself.
    """

    video: str
    frames: int
    scored: int
    frames_per_s: float
    peak: float
    peak_s: float
    alarms: int | None
    files: list[str]
    error: str | None = None
    kept: bool = False
    reasons: list[str] = field(default_factory=list)
    camera_changes: dict[str, int] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data; null if no frame was scored."""
        return {k: None if v != v else v for k, v in asdict(self).items()}

    @classmethod
    def failed(cls, video: str, error: str) -> Inferred:
        """Return the result of a source that could not be scored."""
        return cls(video, 0, 0, 0.0, float("nan"), float("nan"), None, [], error)


@dataclass(frozen=True)
class ResultKey:
    """What a result depends on in addition to its video: the model, the alarm rules, the sinks.

    ``model`` is the digest of the model, followed by "+" and that of changed rules, if any.
    """

    model: str
    sinks: tuple[str, ...]


def model_digest(run: Path, checkpoint: str) -> str:
    """Return a hex hash of everything in a run or exported file that affects its scores."""
    files = [run]
    if run.is_dir():
        names = [
            "recipe.yaml",
            "normal.json",
            "calibration.json",
            "zones.json",
            f"checkpoints/{checkpoint}.pt",
        ]
        files = [run / name for name in names] + sorted((run / "plugins").glob("*.py"))
    digest = hashlib.blake2b(digest_size=16)
    for path in files:
        if path.is_file():
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()


def save_result(folder: Path, video: Path, state: str, key: ResultKey, result: Inferred) -> None:
    """Write ``result.json``, the last file of a finished video, with paths relative to its folder.

    ``state`` is the state of the video when reading started. If the video has grown since then, the
    next call scores it again.
    """
    from vadkit.files import write_json

    data = result.as_data()
    data["files"] = [os.path.relpath(path, folder) for path in result.files]
    data.pop("error")
    data.pop("kept")
    source = {"path": str(video.absolute()), "state": state}
    write_json(
        folder / RESULT,
        {"format": _FORMAT, "source": source, **asdict(key), "result": data},
    )


def owner(folder: Path) -> Path | None:
    """Return the video whose results a folder contains, None if there is none."""
    found = _read(folder)
    return Path(found["source"]["path"]) if found else None


def finished(folder: Path, video: Path, key: ResultKey) -> Inferred | None:
    """Return the valid result of an earlier call, None if there is none.

    It is valid if the video and the model are unchanged, and if it has all files of at least the
    requested sinks.
    """
    found = _read(folder)
    if not found or found["model"] != key.model or not set(key.sinks) <= set(found["sinks"]):
        return None
    try:
        state = content_state(video)
    except OSError:
        # The video has disappeared since it was found; scoring it reports that.
        return None
    if found["source"] != {"path": str(video.absolute()), "state": state}:
        return None
    data: dict[str, Any] = dict(found["result"])
    data["files"] = [os.path.normpath(folder / name) for name in data["files"]]
    if not all(Path(path).exists() for path in data["files"]):
        return None
    for number in ("peak", "peak_s"):
        data[number] = float("nan") if data[number] is None else data[number]
    return Inferred(**data, kept=True)


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = read_json(folder / RESULT, _File, "score the video again")
    except (OSError, TrainingError):
        # A damaged or older result is replaced.
        return None
    return found


class _Source(BaseModel):
    path: str
    state: str


class _Result(BaseModel):
    """The fields of ``Inferred`` that are saved."""

    model_config = ConfigDict(extra="forbid")

    video: str
    frames: int
    scored: int
    frames_per_s: float
    peak: float | None
    peak_s: float | None
    alarms: int | None
    files: list[str]
    reasons: list[str] = []
    camera_changes: dict[str, int] = {}


class _File(BaseModel):
    """``result.json``."""

    format: Literal["vadkit-result-1"]
    source: _Source
    model: str
    sinks: list[str]
    result: _Result
