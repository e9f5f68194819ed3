"""The joints of a person, which are neighbours, and how far apart any two are."""

from __future__ import annotations

import numpy as np

# nose, neck, right shoulder, elbow, wrist, left shoulder, elbow, wrist, right hip, knee, ankle,
# left hip, knee, ankle, right eye, left eye, right ear, left ear: the order of OpenPose.
JOINTS = 18
EDGES = (
    *((0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10)),
    *((1, 11), (11, 12), (12, 13), (0, 14), (14, 16), (0, 15), (15, 17)),
)
# The places in COCO's order of 17 joints, which has no neck; its place is filled afterwards.
_FROM_COCO = (0, 0, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)


def with_neck(points: np.ndarray) -> np.ndarray:
    """Return key points (n, 18, 3) in OpenPose's order from (n, 17, 3) in COCO's.

    The neck is the middle of the shoulders, with the lower of their confidences.
    """
    found: np.ndarray = points[:, _FROM_COCO].copy()
    shoulders = points[:, 5:7]
    found[:, 1, :2] = shoulders[:, :, :2].mean(axis=1)
    found[:, 1, 2] = shoulders[:, :, 2].min(axis=1)
    return found


def adjacency(hops: int) -> np.ndarray:
    """Return weights (18, 18) float32 of a mean over the joints within ``hops`` of each.

    Column j has the same weight for each joint within reach of joint j; a column's sum is 1.
    """
    near = np.eye(JOINTS, dtype=bool)
    step = near.copy()
    for one, other in EDGES:
        step[one, other] = step[other, one] = True
    for _ in range(hops):
        near = (near.astype(int) @ step.astype(int)) > 0
    weights: np.ndarray = near / near.sum(axis=0)
    return weights.astype(np.float32)
