"""Images and their division into cells: windows around cells, and cells that move."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def soften(pictures_BCHW: Tensor) -> Tensor:
    """Average neighbours with weights 1 4 6 4 1 in both directions: a Gaussian of 1 pixel."""
    weights = np.array([1, 4, 6, 4, 1], np.float32) / 16
    pictures = pictures_BCHW.flatten(0, 1).cpu().numpy()
    # With OpenCV: on a CPU, a one-channel convolution of PyTorch takes many times as long.
    soft = [
        cv2.sepFilter2D(picture, cv2.CV_32F, weights, weights, borderType=cv2.BORDER_REPLICATE)
        for picture in pictures
    ]
    return torch.from_numpy(np.stack(soft)).view_as(pictures_BCHW).to(pictures_BCHW.device)


# With fewer figures than this, perspective cannot be estimated.
_FEWEST = 10


def heights_by_row(foreground_NCHW: Tensor, *, perspective: bool) -> Tensor | None:
    """Return the height in pixels (rows,) of people centred at each row; None without people.

    It is the median height of connected foreground; if there are at least ten upright figures that
    stand alone, only those count, because parts of figures and groups look like figures of other
    sizes. With ``perspective``, it is a line over the rows, from medians of slopes (Theil and Sen,
    SciPy), limited to half and twice the median. It stays the median if few figures stand alone, or
    if the slope is not clearly different from 0.
    """
    from scipy.stats import theilslopes

    rows = foreground_NCHW.shape[-2]
    all_figures, isolated = [], []
    for picture in foreground_NCHW[:, 0].cpu().numpy():
        found, found_isolated = _figures(picture)
        all_figures += found
        isolated += found_isolated
    if not all_figures:
        return None
    heights, middles = np.array(isolated if len(isolated) >= _FEWEST else all_figures).T
    middle = float(np.median(heights))
    line = torch.full((rows,), middle)
    if not perspective or len(isolated) < _FEWEST or np.ptp(middles) < middle / 2:
        return line
    # With many equal heights, SciPy takes the root of a negative variance; the bounds are then NaN.
    with np.errstate(invalid="ignore"):
        slope, start, low, high = theilslopes(heights, middles)
    if low <= 0 <= high:
        return line
    sizes: Tensor = (
        (start + slope * (torch.arange(rows) + 0.5)).clamp(middle / 2, 2 * middle).float()
    )
    return sizes


def _figures(foreground_HW: np.ndarray) -> tuple[list[list[float]], list[list[float]]]:
    """Return heights and middle rows of connected foreground, and of upright, isolated figures."""
    rows, columns = foreground_HW.shape
    _, numbers, boxes, _ = cv2.connectedComponentsWithStats((foreground_HW > 0.5).astype("uint8"))
    all_figures, isolated = [], []
    # The first component is the background.
    for number, (left, top, width, height, area) in enumerate(boxes[1:].tolist(), start=1):
        # Small specks are noise; figures that are cut off by an edge are taller than they look.
        if height < 8 or area < 0.2 * width * height:
            continue
        if not (left > 0 and left + width < columns and top > 0 and top + height < rows):
            continue
        figure = [float(height), top + height / 2]
        all_figures.append(figure)
        near = round(height / 3)
        around = np.s_[
            max(0, top - near) : top + height + near, max(0, left - near) : left + width + near
        ]
        # The soft edge of a figure does not belong to another figure.
        own = cv2.dilate((numbers[around] == number).astype("uint8"), np.ones((5, 5), "uint8"))
        if height > 1.2 * width and not ((foreground_HW[around] > 0.15) & (own == 0)).any():
            isolated.append(figure)
    return all_figures, isolated


def blur(pictures_CHW: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (..., C, H, W), with edges repeated."""
    reach = max(1, round(3 * sigma))
    places = torch.arange(-reach, reach + 1, device=pictures_CHW.device, dtype=pictures_CHW.dtype)
    kernel = torch.exp(-0.5 * (places / sigma).square())
    kernel = kernel / kernel.sum()
    planes = pictures_CHW.reshape(-1, 1, *pictures_CHW.shape[-2:])
    padded = functional.pad(planes, (reach, reach, reach, reach), mode="replicate")
    blurred = functional.conv2d(padded, kernel.view(1, 1, -1, 1))
    return functional.conv2d(blurred, kernel.view(1, 1, 1, -1)).view(pictures_CHW.shape)


def around(cells_BCHW: Tensor, heights_H: Tensor, widths_H: Tensor) -> Tensor:
    """Return means of windows around each cell; the window size in cells depends on the cell's row.

    If a window reaches over an edge, only the cells inside count.
    """
    rows, columns = cells_BCHW.shape[-2:]
    # Integral images; in double precision, because differences of large sums are needed.
    sums = functional.pad(cells_BCHW.double(), (1, 0, 1, 0)).cumsum(dim=-1).cumsum(dim=-2)
    row = torch.arange(rows, device=cells_BCHW.device)
    column = torch.arange(columns, device=cells_BCHW.device)
    top = (row - (heights_H - 1) // 2).clamp(min=0)
    bottom = (row - (heights_H - 1) // 2 + heights_H).clamp(max=rows)
    start = column - ((widths_H - 1) // 2)[:, None]
    left, right = start.clamp(min=0), (start + widths_H[:, None]).clamp(max=columns)
    low, high = sums[..., top, :], sums[..., bottom, :]
    strips = high - low
    lefts, rights = (
        strips.gather(-1, edge.expand(*strips.shape[:-1], columns)) for edge in (left, right)
    )
    area = (bottom - top)[:, None] * (right - left)
    return ((rights - lefts) / area).to(cells_BCHW.dtype)


def outside(maps_BHW: Tensor, ignored_HW: Tensor | None) -> Tensor:
    """Return maps in which ignored places have the lowest value of their map.

    ``ignored`` (H, W) may have another size; a cell is ignored if more than half of it is.
    """
    if ignored_HW is None:
        return maps_BHW
    share = functional.interpolate(
        ignored_HW[None, None].to(maps_BHW.dtype), maps_BHW.shape[-2:], mode="area"
    )
    return torch.where(share[0, 0] > 0.5, maps_BHW.amin(dim=(-2, -1), keepdim=True), maps_BHW)


def moved(cells_BCHW: Tensor, motion_B2HW: Tensor) -> Tensor:
    """Move cells along their motion, which is in cells per frame."""
    height, width = cells_BCHW.shape[-2:]
    y, x = torch.meshgrid(
        torch.arange(height, device=cells_BCHW.device),
        torch.arange(width, device=cells_BCHW.device),
        indexing="ij",
    )
    from_x = 2 * (x - motion_B2HW[:, 0]) / max(width - 1, 1) - 1
    from_y = 2 * (y - motion_B2HW[:, 1]) / max(height - 1, 1) - 1
    return functional.grid_sample(
        cells_BCHW,
        torch.stack([from_x, from_y], dim=-1),
        padding_mode="border",
        align_corners=True,
    )
