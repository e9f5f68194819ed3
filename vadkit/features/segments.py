"""Extractors: features of segments from frozen networks and from motion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.data.tensors import Clips
from vadkit.errors import DataError
from vadkit.features.backbone import DEVIATION, MEAN, headless
from vadkit.features.classifiers import TrunkName
from vadkit.features.extractor import Extractor, file_digest
from vadkit.features.frozen import FrozenTrunk
from vadkit.features.wheels import weights_file
from vadkit.registry import Nested, build_spec, find

Crops = Literal["one", "ten"]
# Mean and deviation of the channels in training, by the beginning of the model's name.
_VIDEO_SCALES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "mvit": ((0.45, 0.45, 0.45), (0.225, 0.225, 0.225)),
    "swin": (MEAN, DEVIATION),
    "": ((0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)),
}


class FrozenSegments(Extractor):
    """Appearance of a segment by a frozen classifier of ImageNet, such as MobileNetV2.

    ``sampled`` frames of a segment, evenly spaced, go through the network. The features are the
    means over frames and places of its last layer, and means and maxima of its layers with steps of
    8 and 16 pixels, divided by their length at each place. ``model`` and ``weights`` are those of
    ``place-features``. With ``crops: ten``, a frame is cut
    into its corners and its centre, ``crop`` pixels high and wide, and their mirror images.
    """

    def __init__(
        self,
        *,
        model: TrunkName = "mobilenet_v2",
        weights: Path | None = None,
        sampled: Annotated[int, Field(ge=1)] = 2,
        crops: Crops = "one",
        crop: Annotated[int, Field(ge=32)] = 224,
    ) -> None:
        super().__init__()
        self.sampled, self.crops, self.size = sampled, crops, crop
        self.trunk = FrozenTrunk(model, last=True)
        self.trunk.load_weights(weights)
        self._file = weights_file(model, weights)

    @property
    def weights(self) -> str | None:
        return file_digest(self._file)

    @torch.no_grad()
    def forward(self, clips: Clips) -> Tensor:
        frames = clips.frames.float()
        if frames.shape[1] == 1:
            frames = frames.expand(-1, 3, -1, -1, -1)
        count = min(self.sampled, frames.shape[2])
        # The middles of equal shares of the segment.
        places = ((torch.arange(count) + 0.5) * frames.shape[2] / count).long()
        pictures = frames[:, :, places.to(frames.device)].transpose(1, 2)
        found = [
            self._of_pictures(one.flatten(0, 1)).unflatten(0, (len(clips), count)).mean(dim=1)
            for one in crops_of(pictures, self.crops, self.size)
        ]
        return torch.stack(found, dim=1)

    def _of_pictures(self, pictures_B3HW: Tensor) -> Tensor:
        *local, last = self.trunk.outputs(pictures_B3HW)
        near = [functional.normalize(one, dim=1) for one in local]
        each = [last.mean(dim=(2, 3))]
        each += [one.mean(dim=(2, 3)) for one in near] + [one.amax(dim=(2, 3)) for one in near]
        return torch.cat(each, dim=1)


class MotionSegments(Extractor):
    """Motion of a segment: statistics of the optical flow to every fourth of its frames.

    Of a frame, they are the mean speed by ``bins`` directions, the deviation and three quantiles of
    the speed, and the mean speeds of a grid of ``cells`` x ``cells`` from the fastest to the
    slowest; of many cells, the ``fastest`` ones are enough. Cells as small as a person show one
    fast cyclist among many walkers. With ``bins: 0``, there are no directions: in a few training
    videos, they say where the crowd goes and not what is abnormal. The features are their means and
    deviations over the frames. Speeds are in pixels a frame.
    """

    flow: ClassVar[bool] = True

    def __init__(
        self,
        *,
        bins: Annotated[int, Field(ge=0)] = 8,
        cells: Annotated[int, Field(ge=1)] = 4,
        fastest: Annotated[int, Field(ge=1)] | None = None,
    ) -> None:
        super().__init__()
        self.bins, self.cells, self.fastest = bins, cells, fastest

    @torch.no_grad()
    def forward(self, clips: Clips) -> Tensor:
        assert clips.flow is not None
        flow = clips.flow.transpose(1, 2).flatten(0, 1).float()
        speed = flow.square().sum(dim=1).sqrt()
        turned = torch.atan2(flow[:, 1], flow[:, 0]) / (2 * math.pi) % 1
        # Just below a full turn, floats may round up to it.
        numbers = (turned * self.bins).long() % max(self.bins, 1)
        by_direction = [(speed * (numbers == n)).mean(dim=(1, 2)) for n in range(self.bins)]
        flat = speed.flatten(1)
        shares = flat.new_tensor([0.5, 0.9, 0.99])
        cells = functional.adaptive_avg_pool2d(speed[:, None], self.cells).flatten(1)
        rows = torch.cat(
            [
                *(one[:, None] for one in by_direction),
                flat.std(dim=1, keepdim=True),
                torch.quantile(flat, shares, dim=1).T,
                cells.sort(dim=1, descending=True).values[:, : self.fastest],
            ],
            dim=1,
        )
        rows = rows.unflatten(0, (len(clips), -1))
        found = torch.cat([rows.mean(dim=1), rows.std(dim=1, unbiased=False)], dim=1)
        return found[:, None]


class VideoModel(Extractor):
    """Features of a segment by a video model of torchvision, with your own weights.

    ``weights`` is the file of a state dict, such as those that torchvision's documentation links
    under "Video classification" (Kinetics-400); nothing is downloaded. The features are the input
    of the classification layers. Set ``clip`` to what the model was trained on: 16 frames of 112 x
    112 for the ResNets, 16 of 224 x 224 for ``mvit``, 32 of 224 x 224 for ``swin3d``. With ``crops:
    ten``, a segment is cut into ten crops of ``crop`` pixels.
    """

    def __init__(
        self,
        *,
        model: Literal[
            "r3d_18",
            "mc3_18",
            "r2plus1d_18",
            "s3d",
            "mvit_v1_b",
            "mvit_v2_s",
            "swin3d_t",
            "swin3d_s",
            "swin3d_b",
        ],
        weights: Path,
        crops: Crops = "one",
        crop: Annotated[int, Field(ge=32)] = 224,
    ) -> None:
        super().__init__()
        self.crops, self.size = crops, crop
        self._file = weights.expanduser()
        self.network = headless(model, self._file)
        kind = next((key for key in _VIDEO_SCALES if model.startswith(key)), "")
        mean, deviation = _VIDEO_SCALES[kind]
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).view(3, 1, 1, 1))

    mean: Tensor
    deviation: Tensor

    @property
    def weights(self) -> str | None:
        return file_digest(self._file)

    @torch.no_grad()
    def forward(self, clips: Clips) -> Tensor:
        frames = clips.frames.float().expand(-1, 3, -1, -1, -1)
        scaled = ((frames - self.mean) / self.deviation).transpose(1, 2)
        found = []
        for one in crops_of(scaled, self.crops, self.size):
            try:
                found.append(self.network(one.transpose(1, 2)).flatten(1))
            except (RuntimeError, AssertionError) as error:
                raise DataError(
                    f"features: the model does not accept segments of {tuple(frames.shape[2:])} "
                    f"frames, height and width ({str(error).splitlines()[0][:150]}); set clip"
                ) from None
        return torch.stack(found, dim=1)


class JoinedSegments(Extractor):
    """Features of several extractors side by side; all must have one crop, or the same crops."""

    def __init__(
        self,
        *,
        of: Annotated[list[dict[str, Any]], Nested("extractors", "list"), Field(min_length=1)],
    ) -> None:
        super().__init__()
        parts = [build_spec("extractors", one) for one in of]
        files = [one["type"] for one, part in zip(of, parts, strict=True) if part.from_file]
        if files:
            raise DataError(f"features: '{files[0]}' has features from files, and cannot be joined")
        self.parts: list[Extractor] = nn.ModuleList(parts)  # type: ignore[assignment]

    @classmethod
    def needs_flow(cls, params: Mapping[str, Any]) -> bool:
        return any(needs_flow(one) for one in params["of"])

    @property
    def weights(self) -> str | None:
        return " ".join(filter(None, (part.weights for part in self.parts))) or None

    @torch.no_grad()
    def forward(self, clips: Clips) -> Tensor:
        found = [part(clips) for part in self.parts]
        crops = max(one.shape[1] for one in found)
        return torch.cat([one.expand(-1, crops, -1) for one in found], dim=2)


def needs_flow(spec: Mapping[str, Any]) -> bool:
    """Whether the extractor of a mapping with its ``type`` uses optical flow."""
    kind: Any = find("extractors", spec["type"]).load()
    params = {key: value for key, value in spec.items() if key != "type"}
    return bool(getattr(kind, "needs_flow", lambda params: False)(params))


def crops_of(pictures_BTCHW: Tensor, crops: Crops, size: int) -> list[Tensor]:
    """Return the crops of pictures: the whole picture, or ten of ``size`` pixels square.

    Raises ``DataError`` if pictures are smaller than a crop.
    """
    if crops == "one":
        return [pictures_BTCHW]
    height, width = pictures_BTCHW.shape[-2:]
    if height < size or width < size:
        raise DataError(
            f"features: ten crops of {size} pixels need larger pictures than {height}x{width}; set "
            "clip.size, for example [256, 340]"
        )
    low, right = height - size, width - size
    corners = [(0, 0), (0, right), (low, 0), (low, right), (low // 2, right // 2)]
    found = [pictures_BTCHW[..., y : y + size, x : x + size] for y, x in corners]
    return found + [one.flip(-1) for one in found]
