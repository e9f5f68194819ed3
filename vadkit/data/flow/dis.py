"""Optical flow between two frames, without learning."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from vadkit.errors import DataError

# With smaller frames, OpenCV's pyramid has no level.
_LEAST_SIDE = 12


class Dis:
    """Dense inverse search: fast optical flow on the CPU, without weights.

    Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016, from OpenCV. It
    replaces FlowNet2, which many papers use; its values differ from those of FlowNet2, and so do
    scores based on them. ``preset`` trades speed for detail: ``medium`` uses finer patches and
    refines them. ``upscale`` enlarges frames before the search, which resolves the motion of small
    objects; flow stays in pixels of the original frames.
    """

    def __init__(
        self,
        *,
        preset: Literal["ultrafast", "fast", "medium"] = "medium",
        upscale: Annotated[int, Field(ge=1, le=4)] = 1,
    ) -> None:
        self.preset, self.upscale = preset, upscale

    def __call__(self, previous_HWC: np.ndarray, current_HWC: np.ndarray) -> np.ndarray:
        """Return (H, W, 2) float32 from two frames (H, W, 3) RGB or (H, W, 1) gray, uint8.

        Raises ``DataError`` for frames smaller than 12 pixels, and for frames of different sizes.
        """
        import cv2

        if previous_HWC.shape != current_HWC.shape:
            raise DataError(
                f"optical flow needs two frames of one size, not {previous_HWC.shape} and "
                f"{current_HWC.shape}"
            )
        height, width = current_HWC.shape[:2]
        if min(height, width) < _LEAST_SIDE:
            raise DataError(
                f"optical flow needs frames of {_LEAST_SIDE}x{_LEAST_SIDE} pixels or more, "
                f"not {width}x{height}; enlarge clip.size"
            )
        presets = {
            "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
            "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
            "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
        }
        # Created for each call, because its buffers are not thread-safe; this takes almost no time.
        search = cv2.DISOpticalFlow.create(presets[self.preset])
        large = (width * self.upscale, height * self.upscale)
        previous, current = (_enlarged(_gray(f), large) for f in (previous_HWC, current_HWC))
        flow = np.asarray(search.calc(previous, current, None), np.float32)  # type: ignore[call-overload]
        if self.upscale == 1:
            return flow
        small = cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(small / self.upscale, np.float32)


def _enlarged(picture_HW: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    import cv2

    if picture_HW.shape[::-1] == size:
        return picture_HW
    return np.asarray(cv2.resize(picture_HW, size, interpolation=cv2.INTER_CUBIC))


def _gray(frame_HWC: np.ndarray) -> np.ndarray:
    import cv2

    if frame_HWC.shape[-1] == 1:
        return np.ascontiguousarray(frame_HWC[..., 0])
    return np.asarray(cv2.cvtColor(frame_HWC, cv2.COLOR_RGB2GRAY))
