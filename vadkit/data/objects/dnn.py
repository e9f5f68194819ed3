"""YOLO object detectors, run by OpenCV: darknet networks and ONNX exports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from vadkit.data.objects import Boxes, FrameBoxes, boxes_of_frames, within_frame
from vadkit.data.videos import Video
from vadkit.data.weights import no_weights
from vadkit.errors import DataError

Side = Annotated[int, Field(ge=32, multiple_of=32)]
Share = Annotated[float, Field(ge=0, le=1)]

# The gray value that YOLO networks were trained with around images that are not square.
_BORDER = 114


class Darknet:
    """A darknet YOLO network from its ``.cfg`` and ``.weights`` files.

    A small one is Yolo-Fastest 1.1 (https://github.com/dog-qiuqiu/Yolo-Fastest), trained on COCO:
    label 0 is a person, 1 a bicycle, 2 a car. ``size`` is the side in pixels that frames are
    resized to; 416 finds more small people. ``confidence`` is the lowest score of a box. If two
    boxes of a class have an intersection over union above ``overlap``, the one with the higher
    score is kept. ``labels`` are the classes to keep, by default all. OpenCV 5 no longer supports
    these networks.
    """

    reads_frames = True

    def __init__(
        self,
        *,
        config: Path,
        weights: Path,
        size: Side = 320,
        confidence: Share = 0.3,
        overlap: Share = 0.45,
        labels: list[int] | None = None,
    ) -> None:
        self.config = config.expanduser()
        self.weights = weights.expanduser()
        self.size = size
        self.confidence = confidence
        self.overlap = overlap
        self.labels = labels

    def __call__(self, video: Video, length: int, frames: Iterator[np.ndarray]) -> Boxes:
        """Return the boxes of every frame with enough confidence."""
        return boxes_of_frames(list(self.stream(frames)))

    def stream(self, frames: Iterator[np.ndarray]) -> Iterator[FrameBoxes]:
        """Yield the boxes of each frame."""
        network = self._network()
        outputs = network.getUnconnectedOutLayersNames()
        for frame in frames:
            yield self._detect(network, outputs, frame)

    def _detect(self, network: Any, outputs: Any, frame_HWC: np.ndarray) -> FrameBoxes:
        import cv2

        network.setInput(cv2.dnn.blobFromImage(frame_HWC, 1 / 255, (self.size, self.size)))
        rows = np.concatenate(network.forward(outputs))
        height, width = frame_HWC.shape[:2]
        # Positions are shares of the frame; class scores already include the objectness.
        found = _sure(rows[:, :4] * [width, height, width, height], rows[:, 5:], self.confidence)
        return _suppress(within_frame(found, height, width), self.overlap, self.labels)

    def _network(self) -> Any:
        import cv2

        for path, what in ((self.config, "darknet config"), (self.weights, "darknet weights")):
            if not path.is_file():
                raise no_weights(
                    path,
                    what,
                    "Networks are at https://github.com/dog-qiuqiu/Yolo-Fastest (small) and "
                    "https://github.com/AlexeyAB/darknet",
                )
        if not hasattr(cv2.dnn, "readNetFromDarknet"):
            raise DataError(
                f"OpenCV {cv2.__version__} does not support darknet networks; install "
                "opencv-python<5, or use the network as ONNX with objects: {type: onnx}"
            )
        try:
            network = cv2.dnn.readNetFromDarknet(str(self.config), str(self.weights))
        except cv2.error as error:
            raise DataError(
                f"{self.config} with {self.weights} is not a darknet network that OpenCV can read "
                f"({_reason(error)}); check that both files are complete and belong to one network"
            ) from None
        size, needed = self.weights.stat().st_size, _weights_bytes(network, self.weights)
        if size != needed:
            # OpenCV does not report this, and the network would find nothing or nonsense.
            raise DataError(
                f"{self.weights} has {size} bytes, but {self.config} describes a network of "
                f"{needed}; one file belongs to another network, or the weights file is truncated"
            )
        return network


class Onnx:
    """A YOLO detector exported to ONNX, run by OpenCV on the CPU.

    Two output layouts are supported: (1, 4 + classes, n) of YOLOv8, v9 and v11, and (1, n, 5 +
    classes) of YOLOv5 and v7, whose fifth number is the objectness. Export without built-in
    suppression (``nms=False``). ``size`` is the side in pixels that the network was exported with;
    frames are scaled to fit and padded with gray. Labels are the network's classes from 0. The
    other parameters are those of ``darknet``.
    """

    reads_frames = True

    def __init__(
        self,
        *,
        weights: Path,
        size: Side = 640,
        confidence: Share = 0.3,
        overlap: Share = 0.45,
        labels: list[int] | None = None,
    ) -> None:
        self.weights = weights.expanduser()
        self.size = size
        self.confidence = confidence
        self.overlap = overlap
        self.labels = labels

    def __call__(self, video: Video, length: int, frames: Iterator[np.ndarray]) -> Boxes:
        """Return the boxes of every frame with enough confidence."""
        return boxes_of_frames(list(self.stream(frames)))

    def stream(self, frames: Iterator[np.ndarray]) -> Iterator[FrameBoxes]:
        """Yield the boxes of each frame."""
        network = self._network()
        for frame in frames:
            yield self._detect(network, frame)

    def _detect(self, network: Any, frame_HWC: np.ndarray) -> FrameBoxes:
        import cv2

        fitted, scale = _fit(frame_HWC, self.size)
        network.setInput(cv2.dnn.blobFromImage(fitted, 1 / 255))
        try:
            output = network.forward()
        except cv2.error as error:
            raise DataError(
                f"{self.weights} does not run on images of {self.size}x{self.size} "
                f"({_reason(error)}); set objects.size to the size it was exported with"
            ) from None
        centred, scores = decode_yolo(output, self.size, str(self.weights))
        found = _sure(centred / scale, scores, self.confidence)
        height, width = frame_HWC.shape[:2]
        return _suppress(within_frame(found, height, width), self.overlap, self.labels)

    def _network(self) -> Any:
        import cv2

        if not self.weights.is_file():
            raise no_weights(
                self.weights,
                "ONNX network",
                "Export one from its training framework, such as YOLOv5 or YOLOv8",
            )
        try:
            return cv2.dnn.readNetFromONNX(str(self.weights))
        except cv2.error as error:
            raise DataError(
                f"{self.weights} is not an ONNX network that OpenCV can read ({_reason(error)}); "
                "export it with a fixed size and opset 12"
            ) from None


def decode_yolo(output: np.ndarray, size: int, source: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (n, 4) boxes as centre x, y, width, height in input pixels, and (n, classes) scores.

    ``output`` is (1, 4 + classes, n) or (1, n, 5 + classes) for an input of ``size`` x ``size``.
    Raises ``DataError`` for other shapes, such as those of exports with built-in suppression.
    """
    # At least one box per place, on grids of strides 8, 16 and 32.
    places = 21 * (size // 32) ** 2
    if output.ndim == 3 and output.shape[0] == 1:
        _, rows, columns = output.shape
        if rows > 4 and columns >= places and columns > rows:
            table = output[0].T
            return table[:, :4], table[:, 4:]
        if columns > 5 and rows >= places and rows > columns:
            return output[0, :, :4], output[0, :, 5:] * output[0, :, 4:5]
    raise DataError(
        f"{source} has an output of shape {output.shape}; expected (1, 4 + classes, n) as in "
        f"YOLOv8 or (1, n, 5 + classes) as in YOLOv5, with n at least {places} for size {size}; "
        "export it without suppression (nms=False) and set objects.size to its size"
    )


def _weights_bytes(network: Any, weights: Path) -> int:
    """Return the size of a network's weights file: a header and float32 values."""
    with weights.open("rb") as file:
        major, minor = np.frombuffer(file.read(8), np.int32)
    # From version 0.2 on, the header counts the images seen in 8 bytes, before in 4.
    header = 20 if major * 10 + minor >= 2 else 16
    layers = [network.getLayer(name) for name in network.getLayerNames()]
    # The blob of a Region layer has its anchors, which are in the config.
    values = sum(blob.size for one in layers if one.type != "Region" for blob in one.blobs)
    size: int = header + 4 * values
    return size


def _fit(frame_HWC: np.ndarray, size: int) -> tuple[np.ndarray, float]:
    """Scale the frame into the upper left of a square; return it with the scale."""
    import cv2

    height, width = frame_HWC.shape[:2]
    scale = size / max(height, width)
    fitted = np.full((size, size, 3), _BORDER, np.uint8)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    fitted[: inner[1], : inner[0]] = cv2.resize(frame_HWC, inner)
    return fitted, scale


def _sure(centred: np.ndarray, scores: np.ndarray, confidence: float) -> FrameBoxes:
    """Return boxes as corners, with the class of the highest score, above ``confidence``."""
    label = scores.argmax(axis=1)
    score = scores[np.arange(len(scores)), label]
    sure = score >= confidence
    middle, sides = centred[sure, :2], centred[sure, 2:]
    return FrameBoxes(np.hstack([middle - sides / 2, middle + sides / 2]), score[sure], label[sure])


def _suppress(found: FrameBoxes, overlap: float, labels: list[int] | None) -> FrameBoxes:
    """Drop other classes, and boxes that overlap one of the same class with a higher score."""
    import cv2

    if labels is not None:
        wanted = np.isin(found.label, labels)
        found = FrameBoxes(*(values[wanted] for values in found))
    corner, sides = found.xyxy[:, :2], found.xyxy[:, 2:] - found.xyxy[:, :2]
    boxes = np.hstack([corner, sides]).astype(np.float64)
    kept: list[int] = []
    for label in np.unique(found.label):
        (mine,) = np.nonzero(found.label == label)
        scores = found.score[mine].astype(float).tolist()
        chosen = cv2.dnn.NMSBoxes(boxes[mine].tolist(), scores, 0.0, overlap)
        kept.extend(mine[np.asarray(chosen, np.int64).ravel()])
    order = np.array(sorted(kept), np.int64)
    return FrameBoxes(*(values[order] for values in found))


def _reason(error: Exception) -> str:
    """Return OpenCV's message without its source file."""
    text = " ".join(str(error).split())
    return text.rpartition("error: ")[2][:200]
