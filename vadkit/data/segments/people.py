"""The people of a frame as one row of numbers, with a fixed number of places."""

from __future__ import annotations

import numpy as np

from vadkit.data.objects.tracks import TrackRows

# Numbers of a person: whether there is one; x of the middle, y of the feet, height and width as
# shares of the picture's height; speed to the right and down in heights per frame; and the number
# of frames that the speed was measured over, 0 if it is unknown.
PERSON = 8


def person_rows(
    rows: TrackRows, frames: int, size: tuple[int, int], past: int, people: int
) -> np.ndarray:
    """Return the people of each frame (frames, people * PERSON) float32; empty places are 0.

    Speeds use the last ``past`` frames of a track and none after, so they are known in live use.
    """
    tall = np.maximum(rows.xyxy[:, 3] - rows.xyxy[:, 1], 1)
    wide = np.maximum(rows.xyxy[:, 2] - rows.xyxy[:, 0], 1)
    feet = np.stack([(rows.xyxy[:, 0] + rows.xyxy[:, 2]) / 2, rows.xyxy[:, 3]], axis=1)
    speed, over = speeds(rows, feet, tall, past)
    height = size[0]
    values = np.column_stack(
        [np.ones(len(rows)), feet / height, tall / height, wide / height, speed, over]
    )
    out = np.zeros((frames, people, PERSON), np.float32)
    # The tallest people of a frame come first.
    order = np.lexsort((-tall, rows.frame))
    frame = rows.frame[order]
    place = np.arange(len(frame)) - np.searchsorted(frame, frame)
    kept = place < people
    out[frame[kept], place[kept]] = values[order][kept]
    return out.reshape(frames, people * PERSON)


def speeds(
    rows: TrackRows, feet: np.ndarray, tall: np.ndarray, past: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return speeds (n, 2) in heights per frame, and the frames (n,) they were measured over.

    A speed is the way since the earliest box of the same track in the last ``past`` frames, divided
    by the mean height on it.
    """
    speed, over = np.zeros((len(rows), 2)), np.zeros(len(rows))
    for track in np.unique(rows.track):
        (own,) = np.nonzero(rows.track == track)
        frame = rows.frame[own]
        first = np.searchsorted(frame, frame - past)
        gone = frame - frame[first]
        sums = np.concatenate([[0.0], np.cumsum(tall[own])])
        here = np.arange(len(own)) + 1
        mean = (sums[here] - sums[first]) / (here - first)
        way = feet[own] - feet[own[first]]
        speed[own] = way / (np.maximum(gone, 1) * mean)[:, None]
        over[own] = gone
    return speed, over
