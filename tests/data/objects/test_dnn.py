"""YOLO networks through OpenCV: outputs of both layouts, suppression, and files that are wrong."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from vadkit import registry
from vadkit.data.decoding.decode import read_frames
from vadkit.data.objects import FrameBoxes
from vadkit.data.objects.dnn import Darknet, Onnx, _suppress, decode_yolo
from vadkit.data.videos import Video
from vadkit.errors import DataError

VIDEO = Video("v", "test", Path("v.mp4"))


def picture(height, width, red=(), blue=()):
    """Black, with cells (x1, y1, x2, y2) of red and blue."""
    frame = np.zeros((height, width, 3), np.uint8)
    for plane, cells in ((0, red), (2, blue)):
        for x1, y1, x2, y2 in cells:
            frame[y1:y2, x1:x2, plane] = 255
    return frame


@pytest.mark.parametrize("objectness", [False, True])
def test_an_onnx_network_of_each_layout(tiny_yolo, objectness):
    frames = [
        picture(64, 64, red=[(8, 4, 12, 8)], blue=[(40, 60, 44, 64)]),
        picture(64, 64),
        picture(64, 64, red=[(0, 0, 4, 4)]),
    ]
    finder = Onnx(weights=tiny_yolo(objectness=objectness), size=64, confidence=0.6)
    found = finder(VIDEO, 3, iter(frames))
    assert found.frame.tolist() == [0, 0, 2]
    np.testing.assert_allclose(
        found.xyxy, [[8, 4, 12, 8], [40, 60, 44, 64], [0, 0, 4, 4]], atol=1e-4
    )
    assert found.label.tolist() == [0, 1, 0]
    np.testing.assert_allclose(found.score, 0.9 if objectness else 1, atol=1e-4)


def test_boxes_come_in_pixels_of_the_source(tiny_yolo):
    wide = picture(64, 128, red=[(16, 8, 24, 16)])
    found = Onnx(weights=tiny_yolo(), size=64, confidence=0.6)(VIDEO, 1, iter([wide]))
    np.testing.assert_allclose(found.xyxy, [[16, 8, 24, 16]], atol=1e-3)


def test_the_border_around_a_wide_picture_gives_no_boxes(tiny_yolo):
    # Its gray scores 0.45 in the tiny network.
    found = Onnx(weights=tiny_yolo(), size=64, confidence=0.3)(VIDEO, 1, iter([picture(32, 64)]))
    assert len(found) == 0


def test_only_the_requested_labels(tiny_yolo):
    frame = picture(64, 64, red=[(8, 4, 12, 8)], blue=[(40, 60, 44, 64)])
    finder = Onnx(weights=tiny_yolo(), size=64, confidence=0.6, labels=[1])
    assert finder(VIDEO, 1, iter([frame])).label.tolist() == [1]


def test_the_box_with_the_highest_score_is_kept():
    xyxy = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 10], [50, 50, 60, 60]], float)
    found = FrameBoxes(xyxy, np.array([0.5, 0.9, 0.4, 0.3]), np.array([0, 0, 1, 0]))
    assert _suppress(found, 0.45, None).score.tolist() == [0.9, 0.4, 0.3]
    assert _suppress(found, 0.95, None).score.tolist() == [0.5, 0.9, 0.4, 0.3]
    assert _suppress(found, 0.45, [1]).score.tolist() == [0.4]
    assert len(_suppress(found, 0.45, []).score) == 0


def test_outputs_of_full_size():
    v8 = np.zeros((1, 84, 8400), np.float32)
    v8[0, :, 5] = [10, 20, 4, 6, *[0] * 79, 0.8]
    boxes, scores = decode_yolo(v8, 640, "net")
    assert (boxes.shape, scores.shape) == ((8400, 4), (8400, 80))
    assert boxes[5].tolist() == [10, 20, 4, 6]
    assert scores[5].argmax() == 79
    v5 = np.zeros((1, 25200, 85), np.float32)
    v5[0, 7] = [10, 20, 4, 6, 0.5, 0.5, *[0] * 79]
    boxes, scores = decode_yolo(v5, 640, "net")
    assert (boxes.shape, scores.shape) == ((25200, 4), (25200, 80))
    assert scores[7, 0] == 0.25


@pytest.mark.parametrize(
    "shape", [(1, 300, 6), (1, 84, 2100), (8400, 84), (2, 84, 8400), (1, 8400, 5)]
)
def test_outputs_of_other_networks(shape):
    with pytest.raises(
        DataError, match=r"net has an output of shape \(.*n at least 8400 for size 640"
    ):
        decode_yolo(np.zeros(shape, np.float32), 640, "net")


def test_another_size_than_exported(tiny_yolo):
    finder = Onnx(weights=tiny_yolo(64), size=96)
    with pytest.raises(DataError, match=r"tiny.onnx .*objects.size to"):
        finder(VIDEO, 1, iter([picture(96, 96)]))


def test_files_that_are_missing_or_not_a_network(tmp_path):
    bad = tmp_path / "bad"
    bad.write_text("nonsense")
    with pytest.raises(DataError, match=r"ONNX network not found: .*x.onnx; .* no weights. Export"):
        Onnx(weights=tmp_path / "x.onnx")(VIDEO, 0, iter([]))
    with pytest.raises(DataError, match="bad is not an ONNX network that OpenCV can read"):
        Onnx(weights=bad)(VIDEO, 0, iter([]))
    with pytest.raises(DataError, match=r"darknet config not found: .*x\.cfg; .*Yolo-Fastest"):
        Darknet(config=tmp_path / "x.cfg", weights=bad)(VIDEO, 0, iter([]))
    with pytest.raises(DataError, match=r"darknet weights not found: .*x\.weights; .*Yolo-Fast"):
        Darknet(config=bad, weights=tmp_path / "x.weights")(VIDEO, 0, iter([]))
    with pytest.raises(
        DataError, match=r"bad with .*bad is not a darknet network that OpenCV can read"
    ):
        Darknet(config=bad, weights=bad)(VIDEO, 0, iter([]))


def test_an_opencv_that_reads_no_darknet(tmp_path, monkeypatch):
    import cv2

    monkeypatch.delattr(cv2.dnn, "readNetFromDarknet")
    (tmp_path / "x").write_text("x")
    with pytest.raises(
        DataError, match=r"does not support darknet networks; install opencv-python<5"
    ):
        Darknet(config=tmp_path / "x", weights=tmp_path / "x")(VIDEO, 0, iter([]))


@pytest.fixture
def real_network(real_data):
    nets = real_data / "nets"
    return nets / "yolo-fastest-1.1-xl.cfg", nets / "yolo-fastest-1.1-xl.weights"


@pytest.mark.real_data
def test_a_real_network_finds_the_walkers_of_a_real_frame(real_data, real_network):
    config, weights = real_network
    given = {"config": str(config), "weights": str(weights), "labels": [0], "confidence": 0.5}
    finder = registry.build("objects", "darknet", given)
    with_frames = read_frames(real_data / "clips" / "vtest.avi")
    frames = list(itertools.islice(with_frames, 2))
    with_frames.close()
    found = finder(VIDEO, 2, iter(frames)).at(0)
    # The three walkers, left to right, by hand in pixels of 768x576.
    walkers = np.array([[254, 220, 282, 312], [498, 158, 530, 235], [644, 240, 684, 328]])
    order = found.xyxy[:, 0].argsort()
    np.testing.assert_allclose(found.xyxy[order], walkers, atol=15)
    assert set(found.label.tolist()) == {0}


@pytest.mark.real_data
def test_weights_that_were_cut(real_network, tmp_path):
    config, weights = real_network
    cut = tmp_path / "cut.weights"
    cut.write_bytes(weights.read_bytes()[:1_000_000])
    with pytest.raises(DataError, match=r"cut.weights has 1000000 bytes, but .* of 3693964"):
        Darknet(config=config, weights=cut)(VIDEO, 0, iter([]))
