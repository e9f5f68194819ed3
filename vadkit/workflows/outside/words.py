"""Scores of video from captions and sentences, without training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vadkit.errors import DataError, RecipeError
from vadkit.files import write_json, write_whole
from vadkit.reading import read_bytes
from vadkit.scoring.words import Fired, by_features, by_sentences, by_words, smoothed
from vadkit.text import printable

_MOST = 1 << 20
_Text = Annotated[str, Field(min_length=1, max_length=1000)]


class Prompts(BaseModel):
    """What is normal and what is not, in sentences and in words.

    ``halflife`` is that of the exponential average over past frames; 0 for none. ``majority`` is
    the number of the latest frames that decide together, for words.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    normal: list[_Text] = []
    abnormal: list[_Text] = []
    words: list[_Text] = []
    halflife: Annotated[float, Field(ge=0, le=100_000, strict=False)] = 0.0
    majority: Annotated[int, Field(ge=1, le=100_000)] = 1


@dataclass(frozen=True)
class Alarm:
    """Frames [start, stop) of a video in which one sentence or word fired, and the highest score.

    ``caption`` is that of the frame with the highest score before smoothing, "" for features.
    """

    video: str
    start: int
    stop: int
    score: float
    reason: str
    caption: str


def read_prompts(path: Path) -> Prompts:
    """Read a YAML file of prompts; ``RecipeError`` names the wrong key."""
    try:
        data: Any = yaml.safe_load(read_bytes(path, _MOST).decode("utf-8"))
        return Prompts.model_validate(data)
    except FileNotFoundError:
        raise RecipeError(f"prompts not found: {path}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise RecipeError(
            f"{path}: {printable(where)}: {first['msg'].lower()}; expected lists of 'normal' and "
            "'abnormal' sentences, or 'words', and perhaps 'halflife' and 'majority' (frames)"
        ) from None
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RecipeError(f"{path} cannot be read as YAML: {printable(reason)}") from None


def score_captions(
    prompts: Prompts,
    captions: Mapping[str, Sequence[str]],
    *,
    rule: bool = False,
    texts: Path | None = None,
    features: Path | None = None,
) -> tuple[dict[str, np.ndarray], list[Alarm]]:
    """Return scores (N,) of frames by video, and the alarms with their reasons.

    ``rule`` counts ``words``. Otherwise sentences are compared with captions by ``wordllama``, or,
    with ``texts`` and ``features``, with any features of frames: ``texts`` has embeddings of the
    sentences by the same model, first normal, then abnormal ones. Raises ``RecipeError`` if the
    prompts lack what is needed, ``DataError`` for files that do not fit.
    """
    if rule and not prompts.words:
        raise RecipeError("the rule needs 'words' in the prompts")
    if not rule and not (prompts.normal and prompts.abnormal):
        raise RecipeError("the prompts need 'normal' and 'abnormal' sentences; or use the rule")
    if (texts is None) != (features is None) or (rule and texts is not None):
        raise RecipeError(
            "give embeddings of the sentences and of the frames together, and not with the rule"
        )
    names = prompts.words if rule else prompts.abnormal
    if features is not None and texts is not None:
        fired = _of_features(prompts, texts, features)
    elif rule:
        fired = {
            video: by_words(own, prompts.words, prompts.majority) for video, own in captions.items()
        }
    else:
        from vadkit.data.texts import embed

        normal, abnormal = embed(prompts.normal), embed(prompts.abnormal)
        fired = {
            video: by_sentences(own, normal, abnormal, embed) for video, own in captions.items()
        }
    alarms = [
        alarm
        for video, one in fired.items()
        for alarm in _alarms(video, one, names, captions.get(video))
    ]
    return {v: smoothed(one.scores, prompts.halflife) for v, one in fired.items()}, alarms


def _of_features(prompts: Prompts, texts: Path, features: Path) -> dict[str, Fired]:
    from vadkit.arrays import load_archive
    from vadkit.data.texts import class_texts

    sentences = class_texts(texts, [*prompts.normal, *prompts.abnormal])
    normal, abnormal = np.split(sentences, [len(prompts.normal)])
    try:
        arrays = load_archive(features)
    except (OSError, ValueError) as error:
        raise DataError(
            f"features {features} cannot be read as a .npz archive of plain arrays: {error}"
        ) from None
    for video, rows in arrays.items():
        wanted = sentences.shape[1]
        if rows.ndim != 2 or rows.shape[1] != wanted or rows.dtype.kind not in "fiu":
            raise DataError(
                f"{features}, video '{printable(video)}': {rows.dtype} {rows.shape}; expected "
                f"(frames, {wanted}), as many features as {texts} has"
            )
    return {video: by_features(rows, normal, abnormal) for video, rows in arrays.items()}


def _alarms(
    video: str, fired: Fired, names: Sequence[str], captions: Sequence[str] | None
) -> list[Alarm]:
    """Return stretches of frames with the same reason."""
    edges = np.flatnonzero(np.diff(fired.reasons, prepend=-1, append=-1))
    found = []
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if (reason := int(fired.reasons[start])) < 0:
            continue
        best = start + int(np.nanargmax(fired.scores[start:stop]))
        caption = captions[best] if captions is not None else ""
        score = round(float(fired.scores[best]), 6)
        found.append(Alarm(video, start, stop, score, names[reason], caption))
    return found


def write_words(out: Path, scores: Mapping[str, np.ndarray], alarms: Sequence[Alarm]) -> Path:
    """Write ``scores.npz``, for ``vadkit eval --scores``, and ``alarms.json``; return the first."""
    path = out / "scores.npz"
    with write_whole(path) as partial, partial.open("wb") as file:
        arrays: dict[str, Any] = dict(scores)
        np.savez_compressed(file, **arrays)
    write_json(out / "alarms.json", [vars(alarm) for alarm in alarms])
    return path
