"""Regions are scored by each feature's density, calibrated on held-out video, and summed."""

import pytest
import torch

from vadkit.data.tensors import Clips
from vadkit.densities.knn import Knn
from vadkit.errors import DataError, TrainingError
from vadkit.methods.ai_vad import AIVAD
from vadkit.methods.feature_density import FeatureDensity, _folds, _usual_range
from vadkit.registry import params_model

SIZE = (20, 30)
SPEED = {"type": "flow-statistics", "bins": 1, "spread": False, "relative": False}
PLACE = {"type": "box-geometry"}
FILE = {"type": "embeddings-file", "train": None, "test": None}
NEAREST = {"type": "knn", "k": 1, "coreset": None, "index": "exact"}


def make(*features, **params):
    params = {"features": list(features), "density": NEAREST, "folds": 2, **params}
    spec = FeatureDensity.clip_for(FeatureDensity.clip_spec(2, SIZE, "gray", 1), params, ())
    return FeatureDensity({}, {}, spec, **params)


def clip(*speeds, video=0, rows=None):
    """A clip of an object a speed, six pixels wide, beside each other."""
    flow = torch.zeros(1, 2, 1, *SIZE)
    boxes = []
    for place, speed in enumerate(speeds):
        left = 2 + 8 * place
        flow[0, 0, 0, 4:16, left : left + 6] = speed
        boxes.append([left, 4, left + 6, 16])
    given = None if rows is None else {"features.1": (torch.tensor(rows),)}
    return Clips(
        torch.zeros(1, 1, 2, *SIZE),
        flow,
        (torch.tensor(boxes, dtype=torch.float32).view(-1, 4),),
        torch.tensor([video]),
        given,
    )


def fitted(method, *clips):
    for one in clips:
        method.collect(one)
    method.finalize()
    return method.eval()


# Speeds 1, 2 and 4 in one video, 1 and 3 in the other: distances held out are 0, 1, 1 and 0, 1.
TRAINING = (clip(1.0, 2.0, 4.0, video=0), clip(1.0, 3.0, video=1))


def test_scores_are_distances_in_units_of_held_out_ones():
    method = fitted(make(SPEED), *TRAINING)
    torch.testing.assert_close(method.ranges, torch.tensor([[0.0, 1.0]]))
    # The bank holds all rows: 7 is 3 from 4, and 3.5 half from both.
    scores = method.score(clip(1.0, 7.0, 3.5))
    assert scores.frames.tolist() == [[pytest.approx(3.0)]]
    assert scores.maps[0, 0, 10, [4, 12, 20, 29]].tolist() == pytest.approx([0, 3, 0.5, 0])
    assert scores.maps.shape == (1, 1, *SIZE)


def test_frames_without_objects_score_nothing():
    scores = fitted(make(SPEED), *TRAINING).score(clip())
    assert scores.frames.tolist() == [[0]] and not scores.maps.any()
    assert scores.parts["flow-statistics"].tolist() == [[0]]


def test_parts_are_summed_for_each_object_and_the_highest_counts():
    method = fitted(make(SPEED, PLACE), *TRAINING)
    odd = clip(6.0, 1.0)
    odd.boxes[0][1] += 3
    alone = [fitted(make(one), *TRAINING).score(odd) for one in (SPEED, PLACE)]
    both = method.score(odd)
    torch.testing.assert_close(both.maps, alone[0].maps + alone[1].maps)
    assert both.frames.item() == pytest.approx(both.maps.max().item())
    assert both.parts.keys() == {"flow-statistics", "box-geometry"}
    for part, one in zip(both.parts.values(), alone, strict=True):
        torch.testing.assert_close(part, one.frames)
    # Another object is the odd one in each.
    assert both.frames < alone[0].frames + alone[1].frames


def test_two_features_of_a_kind_are_numbered():
    assert make(SPEED, SPEED, PLACE).names == [
        "flow-statistics-1",
        "flow-statistics-2",
        "box-geometry",
    ]


def test_whole_videos_are_held_out():
    videos = torch.tensor([5, 5, 9, 7, 9, 7])
    assert _folds(videos, torch.arange(6), 2).tolist() == [0, 0, 0, 1, 0, 1]
    assert _folds(videos, torch.arange(6), 3).tolist() == [0, 0, 2, 1, 2, 1]


def test_one_video_is_cut_into_segments_that_divide_no_frame():
    numbers = torch.tensor([30, 10, 10, 10, 20, 40])
    assert _folds(torch.zeros(6, dtype=torch.long), numbers, 2).tolist() == [1, 0, 0, 0, 0, 1]


def test_the_usual_range_ends_at_the_999th_thousandth():
    # The next row is of the other fold and 1 away; of 1001 scores the second highest counts.
    rows = torch.arange(1001.0)[:, None]
    folds = torch.arange(1001) % 2
    low, high = _usual_range(Knn(), rows, folds)
    assert (low, high) == (1, 1 + 1e-6)
    rows[-1] = 2000
    assert _usual_range(Knn(), rows, folds)[1] == pytest.approx(1, abs=0.1)
    rows[-2] = -1500
    assert _usual_range(Knn(), rows, folds)[1] > 1000


def test_cells_have_a_value_each_and_frames_no_map():
    params = {"of": "cells", "grid": (2, 3)}
    method = fitted(make(SPEED, **params), *TRAINING)
    assert method.clip.boxes is None and method.clip.flow == (1,)
    moved = clip()
    moved.flow[0, 0, 0, :10, 10:20] = 50.0
    scores = method.score(moved)
    assert scores.maps.shape == (1, 1, 2, 3)
    assert scores.maps.flatten().argmax() == 1 and scores.frames == scores.maps.max()
    whole = fitted(make(SPEED, of="frame"), *TRAINING).score(moved)
    assert whole.maps is None and whole.frames > 1


def test_clips_carry_only_what_the_features_need():
    assert make(PLACE).clip.flow == () and make(PLACE).clip.boxes == 1
    spec = make(PLACE, FILE, of="frame").clip
    assert (spec.flow, spec.boxes, spec.given) == ((), None, ("features.1",))


def rows(*values):
    """Rows of a file on the objects that ``clip`` puts beside each other."""
    return [[2.0 + 8 * n, 4, 8 + 8 * n, 16, value] for n, value in enumerate(values)]


def test_objects_without_a_row_are_judged_by_the_other_features():
    training = (
        clip(1.0, 2.0, 4.0, video=0, rows=rows(1.0, 2.0)),
        clip(1.0, 3.0, video=1, rows=rows(1.0, 3.0)),
    )
    method = fitted(make(SPEED, FILE), *training)
    assert method.sizes.tolist() == [1, 1] and len(method.densities[1].bank) == 4
    found = method.score(clip(1.0, 1.0, rows=rows(9.0)))
    # Six from the nearest; held out 1 and 2 were 0 and 1 away.
    assert found.parts["embeddings-file"].item() == pytest.approx(6, rel=0.01)
    assert found.parts["flow-statistics"].item() == 0
    with pytest.raises(DataError, match="embeddings-file has rows of 2 numbers, but was trained"):
        method.score(clip(1.0, rows=[[2.0, 4, 8, 16, 1, 1]]))


def test_files_that_fit_no_object_are_named():
    far = [[20.0, 0, 22, 2, 1]]
    with pytest.raises(TrainingError, match="embeddings-file has no row for any of 2 objects"):
        fitted(make(SPEED, FILE), clip(1.0, rows=far), clip(2.0, video=1, rows=far))


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(TrainingError, match="no objects in the training videos"):
        fitted(make(SPEED), clip(), clip())
    with pytest.raises(TrainingError, match="no objects in the training videos"):
        make(SPEED).finalize()
    with pytest.raises(TrainingError, match="in one fold; train on more video"):
        fitted(make(SPEED), clip(1.0, 2.0))


def test_memory_is_bounded():
    method = make(SPEED, samples=10)
    for number in range(40):
        method.collect(clip(1.0, 2.0, float(number), video=number % 4))
        assert len(method._sample) <= 20 + 3
    method.finalize()
    assert len(method.densities[0].bank) == 10


def test_a_clip_of_one_frame_is_refused():
    with pytest.raises(ValueError, match="2 frames or more"):
        FeatureDensity.clip_spec(1, SIZE, "gray", 1)


def test_ai_vad_is_a_mixture_of_velocities_and_neighbours_of_the_rest():
    params = params_model(AIVAD)(bins=1, components=2, deep=dict(PLACE)).model_dump()
    parts = AIVAD.parts_of(params)
    assert [(one.name, one.feature["type"], one.density["type"]) for one in parts] == [
        ("velocity", "flow-statistics", "gmm"),
        ("deep", "box-geometry", "knn"),
    ]
    params["folds"] = 2
    spec = AIVAD.clip_for(AIVAD.clip_spec(2, SIZE, "gray", 1), params, ())
    method = AIVAD({}, {}, spec, **params)
    for number in range(30):
        noise = number % 7 / 70
        method.collect(clip(1 + noise, 2 - noise, video=number % 3))
    method.finalize()
    usual, fast, between = (method.score(clip(speed)) for speed in (1.05, 4.0, 1.5))
    assert fast.frames > between.frames > usual.frames
    assert fast.parts["velocity"] > 10 > usual.parts["velocity"]
    assert fast.parts["deep"] == usual.parts["deep"] == 0
    assert "ai-vad" in str(AIVAD.defaults["protocols"])


def test_what_was_accepted_is_near_in_a_bank_of_neighbours_and_survives_loading():
    learned = fitted(make(SPEED), *TRAINING)
    assert learned.accepts
    assert learned.score(clip(9.0)).frames.item() == pytest.approx(5)
    learned.accept(clip(8.9))
    learned.settle()
    assert learned.score(clip(9.0)).frames.item() == pytest.approx(0.1, rel=1e-3)
    loaded = make(SPEED)
    loaded.load_state_dict(learned.state_dict())
    assert loaded.score(clip(9.0)).frames.equal(learned.score(clip(9.0)).frames)
    # A stretch without clips changes nothing.
    learned.settle()
    assert loaded.score(clip(9.0)).frames.equal(learned.score(clip(9.0)).frames)


def test_a_density_that_cannot_add_rows_says_so():
    assert not make(SPEED, density={"type": "gmm", "components": 1}).accepts
