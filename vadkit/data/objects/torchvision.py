"""Torchvision's detectors, with weights from a local file."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from vadkit.data.objects import Boxes, FrameBoxes, boxes_of_frames, within_frame
from vadkit.data.videos import Video
from vadkit.data.weights import load_state, no_weights
from vadkit.device import pick_device
from vadkit.errors import DataError

if TYPE_CHECKING:
    import torch

Share = Annotated[float, Field(ge=0, le=1)]


class Torchvision:
    """A torchvision detector, trained on COCO, with weights that you have downloaded.

    ``weights`` is the file of a state dict, such as those that torchvision's documentation links
    under "Object Detection" (https://download.pytorch.org/models/...); nothing is downloaded.
    Labels are COCO's category numbers: 1 is a person, 2 a bicycle, 3 a car. ``confidence`` is the
    lowest score of a box, ``labels`` the classes to keep, by default all. ``device: auto`` uses a
    GPU if there is one.
    """

    reads_frames = True

    def __init__(
        self,
        *,
        model: Literal[
            "fasterrcnn_resnet50_fpn",
            "fasterrcnn_resnet50_fpn_v2",
            "fasterrcnn_mobilenet_v3_large_fpn",
            "fasterrcnn_mobilenet_v3_large_320_fpn",
            "retinanet_resnet50_fpn",
            "retinanet_resnet50_fpn_v2",
            "fcos_resnet50_fpn",
            "ssd300_vgg16",
            "ssdlite320_mobilenet_v3_large",
        ],
        weights: Path,
        confidence: Share = 0.5,
        labels: list[int] | None = None,
        device: str = "auto",
    ) -> None:
        self.model = model
        self.weights = weights.expanduser()
        self.confidence = confidence
        self.labels = labels
        self.device = device

    def __call__(self, video: Video, length: int, frames: Iterator[np.ndarray]) -> Boxes:
        """Return the boxes of every frame with enough confidence."""
        return boxes_of_frames(list(self.stream(frames)))

    def stream(self, frames: Iterator[np.ndarray]) -> Iterator[FrameBoxes]:
        """Yield the boxes of each frame."""
        device = pick_device(self.device)
        network = _network(self.model, self.weights, device)
        for frame in frames:
            yield self._detect(network, device, frame)

    def _detect(
        self, network: torch.nn.Module, device: torch.device, frame_HWC: np.ndarray
    ) -> FrameBoxes:
        import torch

        # Copied, because frames from the decoder may be read-only.
        frame_CHW = torch.from_numpy(frame_HWC.copy()).to(device).permute(2, 0, 1) / 255
        with torch.inference_mode():
            (found,) = network([frame_CHW])
        xyxy, score, label = (
            found[name].float().cpu().numpy() for name in ("boxes", "scores", "labels")
        )
        sure = score >= self.confidence
        if self.labels is not None:
            sure &= np.isin(label, self.labels)
        chosen = FrameBoxes(xyxy[sure], score[sure], label[sure].astype(np.int64))
        height, width = frame_HWC.shape[:2]
        return within_frame(chosen, height, width)


# One network serves all videos and threads, because evaluation does not change it.
@functools.lru_cache(maxsize=1)
def _network(model: str, weights: Path, device: torch.device) -> torch.nn.Module:
    from torchvision.models import detection

    if not weights.is_file():
        raise no_weights(
            weights,
            f"weights of {model}",
            "Download them from the address in torchvision's documentation of the model "
            f"(https://download.pytorch.org/models/{model}_coco-....pth)",
        )
    state = load_state(weights)
    # Both None: otherwise torchvision would download weights of the backbone.
    network: torch.nn.Module = getattr(detection, model)(weights=None, weights_backbone=None)
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"weights {weights} do not match {model} with COCO's 91 classes ({reason})"
        ) from None
    return network.eval().to(device)
