"""Scores of normal video as a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, cast

import numpy as np
from pydantic import BaseModel, Field

from vadkit.arrays import load_archive
from vadkit.files import write_whole
from vadkit.reading import checked, parse_json
from vadkit.workflows.calibrate.normal_video import NormalVideo

_Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Record(BaseModel):
    """The metadata that is saved with the scores of normal video."""

    checkpoint: str | None
    source: str
    videos: int
    warnings: list[str]


def write_scores(path: Path, normal: NormalVideo, digest: str | None) -> None:
    """Write scores of normal video; ``digest`` identifies the checkpoint that they come from."""
    record = {
        "source": normal.source,
        "videos": normal.videos,
        "warnings": normal.warnings,
        "checkpoint": digest,
    }
    with write_whole(path) as partial:
        np.savez(
            partial,
            names=np.array(list(normal.scores)),
            lengths=np.array([len(values) for values in normal.scores.values()]),
            scores=np.concatenate(list(normal.scores.values())),
            rates=np.array([normal.rates[name] for name in normal.scores]),
            record=np.array(json.dumps(record)),
        )


def read_scores(path: Path) -> tuple[NormalVideo, str | None] | None:
    """Read scores and the digest of their checkpoint; None if there are no readable scores."""
    try:
        saved = load_archive(path)
        record = checked(_Record, parse_json(str(saved["record"])))
        names = cast(list[str], saved["names"].tolist())
        pieces = np.split(saved["scores"], np.cumsum(saved["lengths"])[:-1])
        scores = dict(zip(names, pieces, strict=True))
        rates = dict(zip(names, checked(list[_Rate], saved["rates"].tolist()), strict=True))
    except (OSError, LookupError, TypeError, ValueError):
        return None
    if saved["scores"].dtype.kind != "f":
        return None
    normal = NormalVideo(scores, rates, record.source, record.videos, record.warnings)
    return normal, record.checkpoint
