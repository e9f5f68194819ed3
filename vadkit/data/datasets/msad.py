"""MSAD: many scenes of surveillance, with accidents, crimes and fires."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from vadkit.data.datasets.listed import ListedVideos
from vadkit.data.videos import Split, Video

# ``Object_falling_12``: the kind of anomaly, and a number.
_KIND = re.compile(r"([a-z_]+?)_?\d+$", re.IGNORECASE)


class Msad(ListedVideos):
    """MSAD (Zhu et al., NeurIPS 2024), protocol II: learning from the labels of videos.

    ``train`` and ``test`` are the published lists, such as ``msad-i3d.list`` and
    ``msad-i3d-test.list``: 360 normal and 120 abnormal videos, and 120 of each. Normal ones are
    named ``MSAD_normal...``; the other names have the kind of anomaly. ``labels`` are
    ``gt-MSAD-WS.npy``, one row for all test videos, which the lengths of ``features`` cut, with
    ``every`` frames a segment; or frame labels in any other known format. ``root`` has the videos
    at any depth, if they are needed.
    """

    official: ClassVar[dict[Split, int]] = {"train": 480, "test": 240}

    def __init__(
        self,
        *,
        train: Path,
        test: Path | None = None,
        labels: Path | None = None,
        root: Path | None = None,
        features: Path | None = None,
        every: Annotated[int, Field(ge=1)] = 16,
        fps: Annotated[float, Field(gt=0)] | None = None,
    ) -> None:
        super().__init__(
            train=train,
            test=test,
            labels=labels,
            root=root,
            features=features,
            every=every,
            normal="MSAD_normal",
            fps=fps,
        )

    def expected(self, split: Split) -> tuple[int, None]:
        """Return the official number of videos."""
        return self.official[split], None

    def videos(self, split: Split) -> list[Video]:
        """Return the videos of a split in the order of its list, with their kinds of anomalies."""
        return [
            replace(one, category=_kind(one.id) if one.abnormal else None)
            for one in super().videos(split)
        ]


def _kind(name: str) -> str | None:
    """Return "object falling" for ``Object_falling_12``."""
    found = _KIND.fullmatch(name)
    return found.group(1).replace("_", " ").lower() if found else None
