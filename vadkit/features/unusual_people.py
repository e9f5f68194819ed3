"""How unusual people are in a segment, compared with those of normal training videos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

# What people are compared by: how they move, where and how large they are, and how fast at a place.
KINDS = {
    "motion": ("across", "along", "path", "wobble"),
    "shape": ("x", "foot", "height", "aspect"),
    "place": ("x", "foot", "speed", "aspect"),
}
_LOGS = ("across", "along", "path", "wobble", "speed")
# The distance to this nearest person counts, of at most this many people.
_NEAREST, _PEOPLE = 5, 5000
# Distances below this, in deviations, are alike.
_ALIKE = 1e-3


class UsualPeople:
    """People of normal videos: rows of values by kind, and the video that each comes from.

    ``values`` are those of ``segment_people.people_of`` by the name of the video. Of more than 5000
    people, evenly spread ones are kept.
    """

    def __init__(self, values: Mapping[str, Mapping[str, np.ndarray]]) -> None:
        from scipy.spatial import cKDTree

        self.numbers = {video: number for number, video in enumerate(values)}
        counts = [len(one["speed"]) for one in values.values()]
        total = sum(counts)
        kept = np.linspace(0, total - 1, min(total, _PEOPLE)).astype(int)
        self.video = np.repeat(np.arange(len(counts)), counts)[kept]
        self.scales: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.trees: dict[str, Any] = {}
        for kind in KINDS:
            rows = np.concatenate([_rows(one, kind) for one in values.values()])
            middle, spread = rows.mean(axis=0), rows.std(axis=0)
            spread[spread < 1e-6] = 1
            self.scales[kind] = middle, spread
            self.trees[kind] = cKDTree(((rows - middle) / spread)[kept])

    def unusual(self, values: Mapping[str, np.ndarray], video: str) -> np.ndarray:
        """Return how unusual people (n, kinds) are: the log of the distance to the 5th nearest.

        People of the same video do not count, so training videos are compared as new ones are.
        """
        own = self.video == self.numbers.get(video, -1)
        others = int((~own).sum())
        if not others:
            return np.zeros((len(values["speed"]), len(KINDS)))
        found = []
        for kind, tree in self.trees.items():
            middle, spread = self.scales[kind]
            rows = (_rows(values, kind) - middle) / spread
            apart, places = tree.query(rows, k=np.arange(1, min(_NEAREST + own.sum(), tree.n) + 1))
            # Own people come behind all others.
            apart = np.sort(np.where(own[places], np.inf, apart), axis=1)
            found.append(np.log(apart[:, min(_NEAREST, others) - 1] + _ALIKE))
        return np.stack(found, axis=1)


def _rows(values: Mapping[str, np.ndarray], kind: str) -> np.ndarray:
    """Return the values (n, columns) of a kind, with logarithms of speeds."""
    columns = [np.log1p(values[n] / 0.01) if n in _LOGS else values[n] for n in KINDS[kind]]
    return np.stack(columns, axis=1)
