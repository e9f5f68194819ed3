"""Fusion: parts compared on the scale of their scores on video that was held out."""

from typing import ClassVar

import numpy as np
import pytest
import torch

from vadkit import registry
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.errors import TrainingError
from vadkit.methods.cells import outside
from vadkit.methods.encoded import encode_each
from vadkit.methods.fusion import held_out
from vadkit.methods.fusion.method import Fusion, _highest
from vadkit.methods.fusion.parts import PartInput
from vadkit.methods.method import Evidence, Method, Scores
from vadkit.recipe.faults import RecipeFaults
from vadkit.recipe.resolve import resolve

SIZE = (8, 8)


class Level(Method):
    """A frame's score is its mean, less the mean of all frames seen; cells are 4x4 pixels."""

    defaults: ClassVar = {"clip": {"frames": 2, "size": SIZE, "channels": "gray"}}
    passes = 1
    encoded_frames = 1
    fits: ClassVar = []

    def __init__(self, networks, losses, clip, *, gain: float = 1.0, cell: int = 4):
        super().__init__(networks, losses, clip)
        self.gain, self.cell = gain, cell
        self.register_buffer("usual", torch.zeros(()))
        self.seen, self.videos = [], set()

    @classmethod
    def clip_spec(cls, frames, size, channels, step):
        return ClipSpec(frames, size, channels, (frames - 1,), step)

    def collect(self, clips):
        self.seen.append(clips.frames[:, :, -1].mean((1, 2, 3)))
        self.videos |= set(clips.videos.tolist())

    def finalize(self):
        self.usual.copy_(torch.cat(self.seen).mean())
        self.fits.append(self.videos)

    def encode(self, clips):
        return clips.frames[:, 0, -1]

    def score_encoded(self, features):
        level = self.gain * (features[:, -1] - self.usual)
        cells = torch.nn.functional.avg_pool2d(level[:, None], self.cell)
        return Scores(level.mean((1, 2))[:, None], cells)

    def score(self, clips):
        return self.score_encoded(clips.frames[:, 0, :, :, :])


class Spread(Level):
    """A frame's score is the deviation of its pixels, NaN where that is 0; no maps."""

    defaults: ClassVar = {"clip": {"frames": 3, "size": SIZE, "channels": "gray"}}

    def score_encoded(self, features):
        spread = features[:, -1].std((1, 2))[:, None]
        return Scores(torch.where(spread == 0, torch.nan, spread))


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    monkeypatch.setattr(Level, "fits", [])
    # Short segments count as long ones, so that tests need few clips.
    monkeypatch.setattr(held_out, "_LONG", 5)
    registry.register("methods", "level")(Level)
    registry.register("methods", "spread")(Spread)


PARTS = {"level": {"type": "level"}, "spread": {"type": "spread"}}


def recipe(parts=PARTS, **sections):
    method = {"type": "fusion", "parts": parts}
    return resolve({"name": "f", "dataset": {"type": "synthetic"}, "method": method, **sections})


def build(parts=PARTS, frames=3, folds=2):
    clip = Fusion.clip_for(Fusion.clip_spec(frames, SIZE, "gray", 1), {"parts": parts}, ())
    return Fusion({}, {}, clip, parts=parts, folds=folds)


def clips(seed, count=50, frames=3, video=0):
    """Noise of a level and a spread that differ from clip to clip, independent of each other."""
    draw = np.random.default_rng(seed)
    level, spread = draw.normal(0, 1, count), np.exp(draw.normal(0, 0.3, count))
    noise = draw.normal(0, 1, (count, 1, frames, *SIZE))
    noise -= noise.mean((3, 4), keepdims=True)
    noise /= noise.std((3, 4), keepdims=True)
    pictures = level[:, None, None, None, None] + spread[:, None, None, None, None] * noise
    return Clips(torch.from_numpy(pictures).float(), videos=torch.full((count,), video))


def fit(method, videos=20, count=50):
    method.expect([count] * videos)
    for _ in range(method.passes):
        for video in range(videos):
            method.collect(clips(video, count, method.clip.frames, video))
        method.finalize()
    return method.eval()


@pytest.fixture
def fused():
    return fit(build())


def check_levels(found, least=0.012, most=0.03):
    """Of new normal frames, half are above level 0 and about 2% above level 1."""
    known = found[~found.isnan()]
    assert least < (known > 1).float().mean().item() < most
    assert 0.45 < (known > 0).float().mean().item() < 0.55


def test_new_normal_frames_have_the_levels_of_held_out_ones(fused):
    scores = fused.score(clips(99, 8000))
    for found in scores.parts.values():
        check_levels(found)
    assert torch.equal(scores.frames, torch.stack(list(scores.parts.values())).amax(dim=0))
    # Of two independent parts, either may be high.
    assert 0.025 < (scores.frames > 1).float().mean().item() < 0.06


def test_a_restless_part_has_a_wide_scale_and_hides_no_other():
    """A part that is high in 1% of normal video, without reason, costs little."""
    frames = clips(99, 400).frames
    quiet, restless = clips(7, 400).frames, clips(7, 400).frames
    restless[::50] += 4
    found = {}
    for name, normal in (("quiet", quiet), ("restless", restless)):
        made = build({"level": {"type": "level"}})
        made.expect([50] * 8)
        for _ in range(made.passes):
            for video in range(8):
                part = slice(50 * video, 50 * video + 50)
                made.collect(Clips(normal[part], videos=torch.full((50,), video)))
            made.finalize()
        found[name] = made.score(Clips(frames + 3)).frames.mean().item()
    assert found["restless"] > 0.4 * found["quiet"] > 0


def test_the_unit_of_a_part_does_not_matter(fused):
    asked = clips(99, 200)
    other = fit(build({**PARTS, "level": {"type": "level", "gain": 1000.0}}))
    torch.testing.assert_close(other.score(asked).frames, fused.score(asked).frames)


def test_the_part_that_raises_a_frame_is_named(fused):
    asked = clips(99, 3)
    bright, restless = asked.frames.clone(), asked.frames.clone()
    bright += 9
    restless *= 9
    for frames, name in ((bright, "level"), (restless, "spread")):
        scores = fused.score(Clips(frames - (0 if name == "level" else frames.mean((3, 4), True))))
        assert (scores.frames > 2).all()
        got = {part: values.mean().item() for part, values in scores.parts.items()}
        assert max(got, key=got.get) == name
        assert list(got) == ["level", "spread"]


def test_a_part_without_a_score_leaves_it_to_the_others(fused):
    flat = Clips(torch.full((1, 1, 3, *SIZE), 5.0))
    scores = fused.score(flat)
    assert scores.parts["spread"].isnan().all()
    assert scores.frames.item() > 1.5
    assert _highest([torch.tensor([torch.nan]), torch.tensor([torch.nan])]).isnan().all()


def test_held_out_video_is_scored_by_a_fit_that_has_not_seen_it(fused):
    # Two parts, fitted on all videos, and on those of either fold.
    whole = set(range(20))
    other = {video for video in whole if video * 8 // 20 % 2}
    fits = [whole, other, whole - other]
    assert sorted(map(sorted, Level.fits)) == sorted(map(sorted, fits * 2))
    assert fused.parts["level"].videos == whole
    # One fit and its calibration, and nothing is left of them.
    assert (fused.passes, fused._blind) == (2, [])


def test_held_out_scores_are_available_for_an_alarm_threshold(fused):
    got = fused.held_out()
    assert list(got) == list(range(20))
    assert all(numbers.tolist() == list(range(50)) for numbers, _ in got.values())
    scores = torch.cat([scores for _, scores in got.values()])
    assert 0.025 < (scores > 1).float().mean().item() < 0.06


def test_a_checkpoint_carries_parts_and_scales(fused):
    fresh = build()
    fresh.load_state_dict(fused.state_dict())
    asked = clips(99, 20)
    again, before = fresh.eval().score(asked), fused.score(asked)
    assert torch.equal(again.frames, before.frames)
    assert torch.equal(again.maps, before.maps)
    assert torch.equal(again.parts["spread"], before.parts["spread"])


def test_streams_score_as_clips_do(fused):
    assert fused.encoded_frames == 1
    asked = clips(99, 5)
    features = torch.stack(
        [
            torch.cat([fused.encode(Clips(one[None, :, at : at + 1])) for at in range(3)])
            for one in asked.frames
        ]
    )
    streamed, scored = fused.score_encoded(features), fused.score(asked)
    assert torch.equal(streamed.frames, scored.frames)
    assert torch.equal(streamed.maps, scored.maps)


def test_maps_of_different_cells_are_resized_to_the_finest():
    parts = {"fine": {"type": "level", "cell": 1}, "coarse": {"type": "level", "cell": 4}}
    scores = fit(build(parts)).score(clips(99, 2))
    assert scores.maps.shape == (2, 1, 8, 8)


def test_few_videos_are_cut_by_time_with_a_message(caplog):
    method = build()
    method.expect([160, 160])
    for _ in range(method.passes):
        for video in range(2):
            for part in range(4):
                method.collect(clips(4 * video + part, 40, video=video))
        method.finalize()
    assert "4 segments of each of 2 training videos" in caplog.text
    assert (method.eval().score(clips(99, 4000)).frames >= 1).float().mean() < 0.1


def test_with_little_video_the_first_part_counts_alone(caplog, monkeypatch):
    made = fit(build(), videos=8, count=5)
    assert "has 40 frames to compare its parts on, and needs 200: only part 'level'" in caplog.text
    asked = clips(99, 50)
    scores = made.score(asked)
    assert list(scores.parts) == ["level"]
    assert torch.equal(scores.frames, scores.parts["level"])
    monkeypatch.setattr(made.parts["spread"], "encode", None)
    assert torch.equal(made.score_encoded(encode_each(made, asked)).frames, scores.frames)
    (number,) = made.held_out()[0][0][:1].tolist()
    assert number == 0 and not made.held_out()[0][1].isnan().any()
    again = build()
    again.load_state_dict(made.state_dict())
    assert torch.equal(again.eval().score(asked).frames, scores.frames)


def test_one_part_needs_no_comparison(caplog):
    made = fit(build({"level": {"type": "level"}}), videos=8, count=5)
    assert not caplog.text
    assert made.score(clips(99, 3)).frames.isfinite().all()


def test_a_checkpoint_of_an_earlier_version_compares_all_parts(fused):
    state = fused.state_dict()
    for name in ("level", "spread"):
        del state[f"scales.{name}.counts"]
    again = build()
    again.load_state_dict(state)
    assert torch.equal(again.eval().score(clips(99, 9)).frames, fused.score(clips(99, 9)).frames)


def test_a_clip_works_for_all_parts():
    resolved = recipe({"motion": {"type": "motion-field"}, "scene": {"type": "scene-bank"}})
    spec = Fusion.clip_for(
        Fusion.clip_spec(resolved.clip.frames, (240, 360), "gray", 1), resolved.method.params, ()
    )
    last = resolved.clip.frames - 1
    # The last ten frames are for looks, the last eight for motion, whose windows are of two.
    assert spec.scored == (last,) == (10,)
    assert spec.flow == tuple(range(last - 6, last + 1))
    method = Fusion({}, {}, spec, parts=resolved.method.params["parts"])
    assert method.encoded_frames == 2
    assert [view.start for view in method.views.values()] == [3, 1]
    assert resolved.flow.params == {"preset": "fast", "upscale": 2}
    assert resolved.clip.size == (240, 360)


def test_a_shorter_clip_shortens_parts_and_a_longer_one_does_not():
    spec = Fusion.clip_for(Fusion.clip_spec(2, SIZE, "gray", 1), {"parts": PARTS}, ())
    assert [view.clip.frames for view in build(frames=2).views.values()] == [2, 2]
    assert spec.scored == (1,)
    longer = build(frames=7)
    assert [(view.start, view.clip.frames) for view in longer.views.values()] == [(5, 2), (4, 3)]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"net": {"type": "future-frame"}}, "method: parts.net: future-frame has networks"),
        ({}, "parts: name at least one method"),
        ({"a.b": {"type": "level"}}, "'a.b' must be a name of letters"),
        ({"more": {"type": "fusion"}}, "use the parts of a fusion instead of the fusion"),
        ({"m": {"type": "motion-feld"}}, "method.parts.m.type: no methods component"),
        ({"m": {"type": "motion-field", "memry": 1}}, "method.parts.m.memry: unknown parameter"),
    ],
)
def test_a_method_that_cannot_be_a_part_is_a_fault_of_the_recipe(parts, message):
    with pytest.raises(RecipeFaults) as found:
        recipe(parts)
    assert message in str(found.value)


def test_a_clip_that_a_part_cannot_use_is_a_fault_that_names_it():
    with pytest.raises(RecipeFaults, match="part 'motion': motion-field needs a height and width"):
        recipe({"motion": {"type": "motion-field"}}, clip={"size": [50, 50]})


def test_parts_that_work_on_gray_frames_get_them_from_colour():
    parts = {"motion": {"type": "motion-field"}, "places": {"type": "place-features"}}
    assert recipe(parts).clip.channels == "rgb"
    spec = Fusion.clip_spec(8, SIZE, "rgb", 1)
    view = PartInput.of("motion", {"type": "motion-field"}, spec)
    frames = torch.zeros(1, 3, 8, *SIZE)
    frames[:, 1] = 0.5
    given = view.take(Clips(frames, flow=torch.zeros(1, 2, 7, *SIZE)))
    assert given.frames.shape == (1, 1, 8, *SIZE)
    assert given.frames.unique().item() == pytest.approx(0.587 * 0.5)
    assert PartInput.of("places", {"type": "place-features"}, spec).clip.channels == "rgb"


def test_a_part_that_cannot_be_fitted_is_named():
    method = build({"scene": {"type": "scene-bank"}})
    method.expect([30, 30])
    with pytest.raises(TrainingError, match="part 'scene' of fusion: scene-bank needs 8"):
        method.finalize()


class Unignored(Level):
    """Leaves ignored places out, and explains its cells."""

    @classmethod
    def can_ignore(cls, params):
        return True

    def score_encoded(self, features):
        cells = outside(super().score_encoded(features).maps[:, 0], self.ignored)
        return Scores(cells.amax(dim=(1, 2))[:, None], cells[:, None])

    def explain_encoded(self, features):
        cells = self.score_encoded(features).maps
        own = torch.where(cells > 0, cells, -torch.inf)
        return {"level": Evidence(cells, own, {"times": cells})}

    def explain(self, clips):
        return self.explain_encoded(clips.frames[:, 0, :, :, :])


def test_parts_leave_ignored_places_out_and_their_evidence_has_levels(monkeypatch):
    registry.register("methods", "unignored")(Unignored)
    parts = {"coarse": {"type": "unignored"}, "fine": {"type": "unignored", "cell": 2}}
    made = Fusion(
        {},
        {},
        Fusion.clip_spec(2, SIZE, "gray", 1),
        parts={name: {"gain": 1.0, "cell": 4, **spec} for name, spec in parts.items()},
    )
    assert Fusion.can_ignore({"parts": parts})
    assert not Fusion.can_ignore({"parts": {**parts, "other": {"type": "conv-ae"}}})
    places = torch.zeros(SIZE, dtype=torch.bool)
    places[:, :4] = True
    made.ignore(places)
    generator = torch.Generator().manual_seed(0)
    training = [
        Clips(torch.rand((24, 1, 2, *SIZE), generator=generator), videos=torch.full((24,), video))
        for video in range(10)
    ]
    made.expect([24] * 10)
    assert all(part.ignored is places for blind in made._blind for part in blind.values())
    for _ in range(made.passes):
        for one in training:
            made.collect(one)
        made.finalize()
    frames = torch.full((1, 1, 2, *SIZE), 0.5)
    usual = made.score(Clips(frames)).frames.item()
    frames[..., :4] = 9.0
    assert made.score(Clips(frames)).frames.item() == pytest.approx(usual)
    frames[..., 4:] = 9.0
    scores, found = made.score(Clips(frames)), made.explain(Clips(frames))
    assert scores.frames.item() > usual + 1
    assert set(found) == {"coarse.level", "fine.level"}
    for one in found.values():
        assert one.scores.shape == one.own.shape == scores.maps.shape
        assert one.scores[0, 0, 0, 3] > 2 and one.own[0, 0, 0, 3] > 2
        assert one.own[0, 0, 0, 0].isneginf() or one.own[0, 0, 0, 0].isfinite()
    encoded = made.score_encoded(encode_each(made, Clips(frames)))
    assert torch.equal(encoded.frames, scores.frames)
    again = made.explain_encoded(encode_each(made, Clips(frames)))
    assert torch.equal(again["fine.level"].scores, found["fine.level"].scores)
