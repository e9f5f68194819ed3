"""Frames and flow of a camera that shakes, or whose light changes, as if it did neither."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

# Corners of the reference to find again, and how few are too few to go by.
_CORNERS, _FEWEST = 200, 8
# Shifts below this many pixels are within the error of finding corners again.
_LEAST_SHIFT = 0.1
# A pixel that misses the fit of the light this many times as far as the middling one is taken for
# an object's and has no say.
_OBJECT = 2.0


def steadied(frames_NHW: Tensor, reference_HW: Tensor, flow_N2HW: Tensor | None = None) -> Tensor:
    """Frames shifted to lie over ``reference``: the median way of corners found again (OpenCV).

    Values are 0..1. ``flow``, in pixels a frame and at the pixels of its frame, is changed in
    place: its median, which is the camera's own motion as long as most of the picture is
    background, is taken off, and it is shifted as its frame is. A frame in which too few corners
    are found again, or a reference without any, is left as it is.
    """
    reference = _bytes(reference_HW)
    corners = cv2.goodFeaturesToTrack(reference, _CORNERS, 0.01, 7)
    frames = frames_NHW.float().cpu().numpy().copy()
    for place, frame in enumerate(frames_NHW):
        right, down = _shift(reference, _bytes(frame), corners)
        if np.hypot(right, down) < _LEAST_SHIFT:
            continue
        frames[place] = _shifted(frames[place], -right, -down)
        if flow_N2HW is not None:
            both = flow_N2HW[place].float().cpu().numpy()
            moved = np.stack([_shifted(part, -right, -down) for part in both])
            flow_N2HW[place] = torch.from_numpy(moved).to(flow_N2HW)
    if flow_N2HW is not None:
        flow_N2HW -= flow_N2HW.flatten(2).median(dim=2).values[..., None, None]
    return torch.from_numpy(frames).to(frames_NHW.device)


def _shift(
    reference: np.ndarray, frame: np.ndarray, corners: np.ndarray | None
) -> tuple[float, float]:
    """How far right and down of the reference the frame lies, in pixels; 0 where unknown."""
    if corners is None:
        return 0.0, 0.0
    found, known, _ = cv2.calcOpticalFlowPyrLK(reference, frame, corners, corners.copy())
    moves = (found - corners)[known.ravel() == 1]
    if len(moves) < _FEWEST:
        return 0.0, 0.0
    right, down = np.median(moves.reshape(-1, 2), axis=0).tolist()
    return right, down


def _bytes(picture_HW: Tensor) -> np.ndarray:
    return (picture_HW.float() * 255).round().clamp(0, 255).byte().cpu().numpy()


def _shifted(picture: np.ndarray, right: float, down: float) -> np.ndarray:
    matrix = np.array([[1, 0, right], [0, 1, down]], np.float32)
    size = picture.shape[::-1]
    return cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)


def relit(frames_NHW: Tensor, reference_HW: Tensor) -> Tensor:
    """Frames with the gain and the offset that bring them nearest to ``reference``, all 0..1.

    By least squares over all pixels, then thrice over those near the fit, so that objects do not
    pull. Cameras change gain and offset with the light; shadows that move are not undone.
    """
    # One by one, for sums over a batch are added up in another order than those over a frame.
    return torch.stack([_relit(frame, reference_HW.float()) for frame in frames_NHW.float()])


def _relit(frame_HW: Tensor, reference_HW: Tensor) -> Tensor:
    counts, lit = torch.ones_like(frame_HW), frame_HW
    for _ in range(4):
        total = counts.sum()
        mean, goal = (counts * frame_HW).sum() / total, (counts * reference_HW).sum() / total
        spread = (counts * (frame_HW - mean).square()).sum()
        shared = (counts * (frame_HW - mean) * (reference_HW - goal)).sum()
        # A frame without any contrast fits nothing; only its offset is mended.
        gain = torch.where((spread > 1e-6 * total) & (shared > 0), shared / spread, 1.0)
        lit = (frame_HW - mean) * gain + goal
        misses = (lit - reference_HW).abs()
        counts = (misses <= _OBJECT * misses.median()).float()
    return lit
