"""Several sources through one method, in batches, whatever happens to any of them."""

import datetime
import threading
import time
from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vadkit.data.videos import ClipSpec
from vadkit.errors import DataError, PluginError, RecipeError
from vadkit.inference import streams
from vadkit.inference.alarms import AlarmTracker
from vadkit.inference.frame_score import FrameScore
from vadkit.inference.sources.source import Frame, SourceEvent
from vadkit.inference.streams import run_streams, stream_frames
from vadkit.methods.method import Evidence, Method, Scores
from vadkit.recipe import Zone
from vadkit.scoring.ema import Ema
from vadkit.scoring.minmax import MinMaxPerVideo
from vadkit.scoring.normal import NormalScores
from vadkit.workflows.detector import Detector

CPU = torch.device("cpu")
SPEC = ClipSpec(3, (8, 8), "rgb", (1,))


class Brightness(Method):
    """Scores a clip by how bright its frames are, and keeps how many clips came at a time."""

    def __init__(self, spec=SPEC, seconds=0.0):
        super().__init__({}, {}, spec)
        self.seconds, self.batches = seconds, []

    def score(self, clips):
        time.sleep(self.seconds)
        self.batches.append(len(clips))
        means = 255 * clips.frames.mean(dim=(1, 2, 3, 4))
        return Scores(means[:, None], parts={"half": means[:, None] / 2})


class Script:
    """A source that gives what it is told; numbers are frames of that brightness."""

    def __init__(self, *items, live=False, pause_s=0.0, fps=10.0):
        self.items, self.live, self.pause_s, self.fps = items, live, pause_s, fps
        self.name, self.closed, self.given = "script", threading.Event(), 0

    def read(self):
        yield SourceEvent("opened", 0.0, fps=self.fps, size=(8, 8))
        for item in self.items:
            if self.closed.wait(self.pause_s):
                return
            if isinstance(item, Exception):
                raise item
            self.given += 1
            if isinstance(item, Frame | SourceEvent):
                yield item
            else:
                yield frame(item, self.given / self.fps)

    def close(self):
        self.closed.set()


def frame(value, time, missed=0):
    return Frame(time, np.full((8, 8, 3), value, np.uint8), missed)


def detector(method=None, **settings):
    settings = {"batch_size": 4, "scorers": (Ema(alpha=1.0),), **settings}
    return Detector(method or Brightness(), CPU, torch.float32, **settings)


def run(detecting, sources, **settings):
    found = {name: ([], []) for name in sources}
    for name, item in run_streams(detecting, sources, **settings):
        found[name][isinstance(item, SourceEvent)].append(item)
    return found


def raw(scores):
    return [None if np.isnan(one.raw) else round(one.raw, 3) for one in scores]


def test_each_source_has_its_own_frames_and_scores():
    sources = {"a": Script(*range(0, 30, 3)), "b": Script(*range(100, 112))}
    found = run(detector(), sources)
    scores, events = found["a"]
    assert raw(scores) == [None, *range(3, 27, 3), None]
    assert [one.index for one in scores] == list(range(10))
    assert [one.time for one in scores] == pytest.approx([n / 10 for n in range(1, 11)])
    assert [one.frame[0, 0, 0] for one in scores] == list(range(0, 30, 3))
    assert scores[1].parts == {"half": 1.5}
    assert [event.kind for event in events] == ["opened", "ended"]
    assert raw(found["b"][0]) == [None, *range(101, 111), None]


def test_clips_of_several_sources_share_batches():
    method = Brightness()
    sources = {str(n): Script(*range(20)) for n in range(4)}
    run(detector(method, batch_size=16), sources)
    assert sum(method.batches) == 4 * 18
    assert max(method.batches) > 4, "no batch held clips of more than one"


def test_frames_around_a_gap_share_no_clip():
    items = [frame(v, t) for t, v in enumerate((1, 2, 3, 4))]
    items += [frame(50, 20, missed=15), frame(60, 21), frame(70, 22)]
    scores, _ = run(detector(), {"a": Script(*items)})["a"]
    assert raw(scores) == [None, 2, 3, None, None, 60, None]
    assert [one.index for one in scores] == [0, 1, 2, 3, 19, 20, 21]


def test_smoothing_knows_how_much_was_missed():
    items = [frame(0, t) for t in range(4)]
    items += [frame(100, 9, missed=5), frame(100, 10), frame(100, 11)]
    scores, _ = run(detector(scorers=(Ema(alpha=0.5),)), {"a": Script(*items)})["a"]
    smooth = [one.score for one in scores if not np.isnan(one.score)]
    # Score 100 after 1 + 5 + 1 frames without any: the old average weighs 0.5 ** 8.
    assert smooth == [0, 0, pytest.approx(100 * (1 - 0.5**8))]


def test_a_source_that_fails_leaves_the_others_running():
    sources = {"bad": Script(1, 2, 3, 4, DataError("it broke")), "good": Script(*range(40))}
    found = run(detector(), sources)
    scores, events = found["bad"]
    assert raw(scores) == [None, 2, 3, None]
    assert events[-1] == SourceEvent("failed", 0.4, "it broke", error=events[-1].error)
    assert isinstance(events[-1].error, DataError)
    assert len(found["good"][0]) == 40
    with pytest.raises(DataError, match="it broke"):
        list(detector().stream(Script(1, 2, 3, DataError("it broke"))))


def test_a_source_must_be_opened_first():
    source = Script(1, 2)
    source.read = lambda: iter([frame(1, 0.0)])
    with pytest.raises(PluginError, match="source script gives frames before its event 'opened'"):
        list(detector().stream(source))


def test_a_fault_of_the_program_is_raised():
    with pytest.raises(ZeroDivisionError):
        run(detector(), {"a": Script(1, ZeroDivisionError())})


def test_a_live_source_is_scored_without_waiting_for_a_batch():
    source = Script(*range(12), live=True, pause_s=0.03)
    began, delays = {}, []
    for item in detector(batch_size=64).stream(source):
        delays.append(source.given - 1 - item.index)
        began[item.index] = time.monotonic()
    # One frame must follow (the method scores the middle of three).
    assert sorted(delays)[len(delays) // 2] == 1
    assert len(began) == 12


def test_a_deadline_in_seconds_lets_clips_wait_for_others():
    method = Brightness()
    sources = {str(n): Script(*range(12), live=True, pause_s=0.03) for n in range(3)}
    run(detector(method, batch_size=64), sources, max_delay_s=0.2)
    assert max(method.batches) >= 9
    alone = Brightness()
    run(detector(alone, batch_size=64), {"a": Script(*range(12), live=True, pause_s=0.03)})
    assert max(alone.batches) <= 3


def test_a_camera_faster_than_the_method_drops_runs_of_frames_and_counts_them():
    count = 600
    source = Script(*[n % 256 for n in range(count)], live=True, pause_s=0.0005)
    scores, events = run(detector(Brightness(seconds=0.03)), {"cam": source})["cam"]
    dropped = sum(event.frames for event in events if event.kind == "dropped")
    assert dropped > 100
    assert dropped + len(scores) == count
    indices = np.array([one.index for one in scores])
    # What is scored are runs of frames: only the first and the last of each have no score, and
    # that of the others is of their neighbours.
    runs = np.split(np.arange(len(scores)), 1 + np.flatnonzero(np.diff(indices) > 1))
    assert min(map(len, runs[:-1])) >= 16
    for places in runs:
        first, *inner, last = (scores[place] for place in places)
        assert np.isnan(first.raw) and np.isnan(last.raw)
        for one in inner:
            about = np.mean([n % 256 for n in range(one.index - 1, one.index + 2)])
            assert one.raw == pytest.approx(about, abs=1e-3)


def test_a_file_loses_nothing_to_a_slow_method():
    scores, events = run(detector(Brightness(seconds=0.02)), {"a": Script(*range(100))})["a"]
    assert [one.index for one in scores] == list(range(100))
    assert [event.kind for event in events] == ["opened", "ended"]


def test_leaving_early_closes_sources_and_ends_threads():
    before = threading.active_count()
    source = Script(*range(10_000), live=True, pause_s=0.001)
    stream = detector().stream(source)
    next(stream)
    stream.close()
    assert source.closed.is_set()
    assert threading.active_count() == before


def test_live_video_refuses_scorers_that_look_ahead():
    looking = detector(scorers=(MinMaxPerVideo(),))
    with pytest.raises(
        RecipeError, match=r"minmax-per-video uses future frames.*\{type: ema, halflife"
    ):
        list(looking.stream(Script(1, 2, 3, live=True)))
    # A file is scored with the protocol `online` in their place.
    online = [one.score for one in looking.stream(Script(0, 0, 0, 90, 90))]
    plain = [one.score for one in detector(scorers=()).stream(Script(0, 0, 0, 90, 90))]
    np.testing.assert_array_equal(online, plain)
    assert 0 < online[3] < 90


def test_alarms_are_scores_at_the_threshold_or_above():
    from vadkit.scoring.normal import measure_normal

    normal = measure_normal(np.full(100, 7.0))
    scores = list(detector(normal=normal).stream(Script(5, 6, 7, 8, 9)))
    assert [one.alarm for one in scores] == [False, False, True, True, False]
    assert scores[0].threshold == 7
    assert not any(one.alarm for one in detector().stream(Script(5, 6, 7)))
    assert isinstance(scores[0], FrameScore)


class Moved(Method):
    """Scores the last frame of a clip by the sum of the motion that the clip has."""

    def score(self, clips):
        return Scores(clips.flow.mean(dim=(3, 4)).sum(dim=(1, 2))[:, None])


def brighter(previous, current):
    """Flow that is the change of the mean grey level, as dx."""
    flow = np.zeros((*current.shape[:2], 2), np.float32)
    flow[..., 0] = current.astype(np.float32).mean() - previous.astype(np.float32).mean()
    return flow


@pytest.mark.parametrize("as_source", [True, False], ids=["a source", "frames of the caller"])
def test_optical_flow_does_not_reach_across_dropped_frames(as_source):
    spec = ClipSpec(2, (8, 8), "rgb", (1,), flow=(0, 1))
    moving = detector(Moved({}, {}, spec), flow=brighter)
    items = [frame(v, t / 10) for t, v in enumerate((1, 2, 4, 7))]
    items += [frame(50, 2.0, missed=16), frame(60, 2.1), frame(75, 2.2)]
    scores = list(moving.stream(Script(*items) if as_source else iter(items)))
    # After the gap as after the start: nothing has moved in the first frame.
    assert raw(scores) == [None, 1, 3, 5, None, 10, 25]
    assert [one.index for one in scores] == [0, 1, 2, 3, 20, 21, 22]


def test_flow_continues_from_the_frame_after_a_gap():
    spec = ClipSpec(2, (8, 8), "rgb", (1,), flow=(1,))
    moving = detector(Moved({}, {}, spec), flow=brighter)
    items = [frame(9, 0.0), frame(10, 0.1), frame(100, 1.0, missed=8), frame(102, 1.1)]
    items += [frame(200, 2.0, missed=8), frame(205, 2.1)]
    assert raw(moving.stream(iter(items))) == [None, 1, None, 2, None, 5]


def test_a_single_frame_between_two_gaps_has_no_score():
    items = [frame(v, t / 10) for t, v in enumerate((1, 2, 3))]
    items += [frame(90, 1.0, missed=7), frame(4, 2.0, missed=9), frame(5, 2.1), frame(6, 2.2)]
    for given in (iter(items), Script(*items)):
        scores = list(detector().stream(given))
        assert raw(scores) == [None, 2, None, None, None, 5, None]


@pytest.mark.parametrize("as_source", [True, False], ids=["a source", "frames of the caller"])
@pytest.mark.parametrize("missed", [1, 2])
def test_any_missed_frame_is_a_gap(missed, as_source):
    items = [frame(v, t / 10) for t, v in enumerate((1, 2, 3))]
    items += [frame(40, 0.9, missed=missed), frame(50, 1.0), frame(60, 1.1)]
    scores = list(detector().stream(Script(*items) if as_source else iter(items)))
    assert raw(scores) == [None, 2, None, None, 50, None]
    assert [one.index for one in scores[3:]] == [3 + missed, 4 + missed, 5 + missed]


def steps(values, fps):
    return Script(*(frame(v, n / fps) for n, v in enumerate(values)), fps=fps)


def test_a_faster_source_is_scored_at_the_rate_of_training(caplog):
    spec = ClipSpec(3, (8, 8), "rgb", (1,), fps=10.0)
    method = Brightness(spec)
    slow = run(detector(method), {"a": steps(range(0, 24, 2), 10)})["a"][0]
    assert not caplog.records
    fast = run(detector(method), {"b": steps(range(24), 20)})["b"][0]
    # Frames in between have the score of the frame before them, and keep their own times.
    assert raw(fast)[::2] == raw(fast)[1::2] == raw(slow)
    assert [one.index for one in fast] == list(range(24))
    assert [one.time for one in fast] == pytest.approx([n / 20 for n in range(24)])
    assert [one.frame[0, 0, 0] for one in fast] == list(range(24))
    assert caplog.messages == [
        "b has 20 frames per second, and the model was trained at 10: 10 per second are scored, "
        "the others get the score before them"
    ]


def test_a_gap_in_a_faster_source():
    spec = ClipSpec(3, (8, 8), "rgb", (1,), fps=10.0)
    items = [frame(v, n / 20) for n, v in enumerate(range(8))]
    items += [frame(v, 2 + n / 20, missed=9 * (n == 0)) for n, v in enumerate(range(100, 107))]
    found = run(detector(Brightness(spec)), {"a": Script(*items, fps=20)})["a"][0]
    assert raw(found[:8]) == [None, None, 2, 2, 4, 4, None, None]
    assert raw(found[8:]) == [None, None, 102, 102, 104, 104, None]


def test_motion_is_that_of_one_step_of_training():
    spec = ClipSpec(2, (8, 8), "rgb", (1,), flow=(1,), fps=10.0)
    moving = detector(Moved({}, {}, spec), flow=brighter)
    assert raw(moving.stream(steps([0, 2, 4, 6], 10))) == [None, 2, 2, 2]
    assert raw(moving.stream(steps([0, 4, 8], 5))) == [None, 2, 2]
    assert raw(moving.stream(steps([0, 1, 2, 3, 4, 5, 6], 20))) == [None, None, 2, 2, 2, 2, 2]
    # The rate of plain frames is that of training, unless the caller gives another one.
    plain = [np.full((8, 8, 3), v, np.uint8) for v in (0, 4, 8)]
    assert raw(moving.stream(iter(plain))) == [None, 4, 4]
    assert raw(moving.stream(iter(plain), fps=5.0)) == [None, 2, 2]


def test_times_that_are_only_counted_say_nothing_about_the_rate():
    class Images(Script):
        def read(self):
            yield SourceEvent("opened", 0.0, fps=25.0, size=(8, 8), timed=False)
            yield from (frame(v, n / 25) for n, v in enumerate(self.items))

    spec = ClipSpec(3, (8, 8), "rgb", (1,), fps=10.0)
    found = run(detector(Brightness(spec)), {"a": Images(*range(6))})["a"][0]
    assert raw(found) == [None, 1, 2, 3, 4, None]


def test_smoothing_takes_as_many_seconds_at_any_rate():
    spec = ClipSpec(1, (8, 8), "rgb", (0,), fps=10.0)

    def last(fps, count):
        items = [frame(0, 0.0)] + [frame(100, (n + 1) / fps) for n in range(count)]
        found = run(
            detector(Brightness(spec), scorers=(Ema(halflife=4),)), {"a": Script(*items, fps=fps)}
        )
        return found["a"][0][-1].score

    assert last(10, 8) == pytest.approx(75)
    assert last(5, 4) == pytest.approx(75)
    assert last(2.5, 2) == pytest.approx(75)


def test_another_picture_shape_is_refused_or_stretched():
    spec = ClipSpec(3, (8, 8), "rgb", (1,), aspect=16 / 9)
    _, events = run(detector(Brightness(spec)), {"a": Script(*range(6))})["a"]
    assert events[-1].kind == "failed"
    assert "pictures of 8x8 pixels" in events[-1].message
    wide = [np.zeros((9, 16, 3), np.uint8)] * 4
    assert len(list(detector(Brightness(spec)).stream(iter(wide)))) == 4
    square = [np.zeros((9, 9, 3), np.uint8)] * 4
    with pytest.raises(DataError, match="9x9 pixels"):
        list(detector(Brightness(spec)).stream(iter(square)))


class Unignored(Brightness):
    """Scores the brightness outside of ignored places."""

    def score(self, clips):
        self.batches.append(len(clips))
        kept = torch.ones(SPEC.size, dtype=torch.bool) if self.ignored is None else ~self.ignored
        return Scores(255 * clips.frames[..., kept].mean(dim=(1, 2, 3))[:, None])


def test_zones_of_a_camera_and_of_an_hour_hold_for_their_streams_only(monkeypatch):
    """Streams with the same zones are still scored together."""
    half = np.zeros((8, 8, 3), np.uint8)
    half[:, :4] = 200
    left = ((0, 0), (0.5, 0), (0.5, 1), (0, 1))
    zones = (
        Zone(name="door's", polygon=left, camera="door"),
        Zone(name="night", polygon=left, hours="22:00-06:00"),
    )
    frames = [Frame(n / 10, half) for n in range(1, 7)]

    def scored(hour):
        at = datetime.datetime(2026, 11, 23, hour).timestamp()
        monkeypatch.setattr(
            streams, "time", SimpleNamespace(time=lambda: at, monotonic=time.monotonic)
        )
        sources = {name: Script(*frames, live=name != "file") for name in ("door", "gate", "file")}
        found = run(detector(Unignored(), zones=zones), sources)
        return {name: round(float(scores[1].raw)) for name, (scores, _) in found.items()}

    assert scored(12) == {"door": 0, "gate": 100, "file": 100}
    assert scored(23) == {"door": 0, "gate": 0, "file": 100}


def test_zones_may_change_while_a_stream_runs():
    half = np.zeros((8, 8, 3), np.uint8)
    half[:7] = 80
    detecting = detector(Unignored(), batch_size=1)
    found = []
    for place, item in enumerate(
        stream_frames(detecting, (Frame(n / 10, half) for n in range(9)), 1)
    ):
        found.append(round(float(np.nan_to_num(item.raw, nan=-1))))
        if place == 3:
            detecting.zones = (Zone(name="top", polygon=((0, 0), (1, 0), (1, 0.87), (0, 0.87))),)
    assert found[1] == 70 and found[-2] == 0


class Explained(Brightness):
    """Says for each clip how bright it is, and keeps which clips it was asked about."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def score(self, clips):
        scores = super().score(clips)
        return Scores(scores.frames, scores.frames[..., None, None].expand(-1, -1, 2, 2))

    def explain(self, clips):
        levels = 255 * clips.frames.mean(dim=(1, 2, 3, 4))
        self.asked += [round(level) for level in levels.tolist()]
        cells = levels[:, None, None, None].expand(-1, 1, 2, 2)
        return {"speed": Evidence(cells, cells, {"times": cells / 100})}


@pytest.mark.parametrize("maps", [True, False])
def test_only_frames_with_a_high_score_are_explained(maps):
    """Half-way from the usual score of 20 to the threshold of 100, because smoothing is slow."""
    method = Explained()
    detecting = detector(method, maps=maps, normal=normal(usual=20.0, threshold=100.0))
    values = [20, 20, 20, 70, 70, 70, 200, 200, 200, 20, 20, 20]
    sources = {"gate": Script(*values), "yard": Script(*[30] * 12)}
    found = run(detecting, sources)
    scores, _ = found["gate"]
    explained = {round(one.raw): one for one in scores if one.evidence is not None}
    assert set(method.asked) == set(explained) == ({70, 113, 157, 200, 140, 80} if maps else set())
    assert all(one.evidence is None for one in found["yard"][0])
    for level, one in explained.items():
        (cells,) = one.evidence.values()
        assert cells.values["times"][0, 0] == pytest.approx(level / 100, abs=0.01)
    if maps:
        tracker = AlarmTracker(detecting.rules)
        begun = [
            event
            for one in scores
            for event in tracker.push(
                one.time, one.score, frame=one.frame, score_map=one.map, evidence=one.evidence
            )
        ]
        assert begun[0].reasons == ("faster than usual here (1.1 times)",)


def normal(usual, threshold):
    values = {one.name: 0.0 for one in fields(NormalScores)}
    return NormalScores(**{**values, "frame_q50": usual, "frame_q999": threshold})
