"""Correct frames and flow for a shaking camera and for changing light."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

# The number of corners of the reference to track, and the smallest usable number.
_CORNERS, _FEWEST = 200, 8
# Smaller shifts, in pixels, are within the error of tracking.
_LEAST_SHIFT = 0.1
# A pixel whose residual in the fit of the light is this many times the median belongs to an object
# and is ignored.
_OBJECT = 2.0


def steadied(frames_NHW: Tensor, reference_HW: Tensor, flow_N2HW: Tensor | None = None) -> Tensor:
    """Shift frames to match ``reference``, by the median motion of tracked corners (OpenCV).

    Values are 0..1. ``flow``, in pixels per frame at the pixels of its frame, is changed in place:
    its median, which is the camera's own motion if most of the image is background, is subtracted,
    and it is shifted like its frame. A frame in which too few corners are found, or a reference
    without any, is left unchanged.
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
    """Return the shift of the frame to the right and down, in pixels; 0 if unknown."""
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
    """Correct frames with the gain and offset that bring them closest to ``reference``, all 0..1.

    This uses least squares over all pixels, then three times over those near the fit, so that
    objects have no influence. Cameras change gain and offset with the light; moving shadows are not
    corrected.
    """
    # One by one, because a sum over a batch has another order of additions than over one frame.
    return torch.stack([_relit(frame, reference_HW.float()) for frame in frames_NHW.float()])


def _relit(frame_HW: Tensor, reference_HW: Tensor) -> Tensor:
    counts, lit = torch.ones_like(frame_HW), frame_HW
    for _ in range(4):
        total = counts.sum()
        mean, goal = (counts * frame_HW).sum() / total, (counts * reference_HW).sum() / total
        spread = (counts * (frame_HW - mean).square()).sum()
        shared = (counts * (frame_HW - mean) * (reference_HW - goal)).sum()
        # Gain cannot be fitted to a frame without contrast, so only its offset is corrected.
        gain = torch.where((spread > 1e-6 * total) & (shared > 0), shared / spread, 1.0)
        lit = (frame_HW - mean) * gain + goal
        misses = (lit - reference_HW).abs()
        counts = (misses <= _OBJECT * misses.median()).float()
    return lit
