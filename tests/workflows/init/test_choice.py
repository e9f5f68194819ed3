"""Which parts a recipe gets, measured on pieces of its videos."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.decoding import decode
from vadkit.data.decoding.decode import read_frames
from vadkit.errors import DataError
from vadkit.reports.video_writer import VideoWriter
from vadkit.workflows.init import choice
from vadkit.workflows.init.choice import HARM, USE, Choice, best, choose_parts, cut_pieces, mean

PARTS = {"motion": "motion-field", "scene": "scene-bank"}


def video(path, frames, first=0):
    with VideoWriter(path, 10) as writer:
        for number in range(first, first + frames):
            writer.write(np.full((48, 64, 3), number % 250, np.uint8))
    return path


def test_a_part_is_left_out_only_if_it_costs_much():
    a, b, both = ("a",), ("b",), ("a", "b")

    def chosen(*areas):
        kinds = ("pace", "paste")
        return best(
            {
                group: dict(zip(kinds, values, strict=True))
                for group, values in zip((a, b, both), areas, strict=True)
            }
        )

    assert chosen((0.7, 0.7), (0.5, 0.5), (0.68, 0.68)) == both
    assert chosen((0.8, 0.8), (0.5, 0.5), (0.7, 0.7)) == a
    assert chosen((0.8, 0.8), (0.9, 0.9), (0.7, 0.7)) == b
    # It harms one kind, but detects the other.
    assert chosen((0.95, 0.6), (0.5, 0.7), (0.7, 0.7)) == both


@given(st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_a_choice_without_a_part_is_better_and_misses_nothing(values):
    groups = [("a",), ("b",), ("a", "b")]
    areas = {group: {"x": values[n], "y": values[n + 3]} for n, group in enumerate(groups)}
    group, everything = best(areas), areas[("a", "b")]
    if group != ("a", "b"):
        assert mean(areas[group]) > mean(everything) + HARM
        assert all(areas[group][kind] >= everything[kind] - USE for kind in everything)


def test_pieces_are_spread_over_one_video(tmp_path):
    path = video(tmp_path / "long.mp4", 250)
    pieces = cut_pieces([path], tmp_path / "pieces", 10, (48, 64))
    # 250 frames have room for four pieces of 60.
    assert list(pieces.values()) == [60] * 4
    folders = sorted((tmp_path / "pieces").iterdir())
    assert [one.name for one in folders] == sorted(pieces)
    first = [cv2.imread(str(sorted(one.iterdir())[0])).mean() for one in folders]
    np.testing.assert_allclose(first, [0, 60, 120, 180], atol=4)


def test_pieces_come_from_videos_all_over_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(choice, "_PIECES", 3)
    paths = [video(tmp_path / f"{n}.mp4", 70, 20 * n) for n in range(5)]
    paths[2].write_text("no video")
    pieces = cut_pieces(paths, tmp_path / "pieces", 10, (48, 64))
    assert list(pieces) == ["00-00", "02-00"]


def test_nothing_is_decoded_after_the_last_piece(tmp_path, monkeypatch):
    monkeypatch.setattr(choice, "_PIECES", 1)
    read = []

    def counted(*args, **settings):
        for image in read_frames(*args, **settings):
            read.append(1)
            yield image

    monkeypatch.setattr(decode, "read_frames", counted)
    assert cut_pieces([video(tmp_path / "a.mp4", 200)], tmp_path / "pieces", 10, (48, 64))
    assert len(read) == 60


def test_short_videos_get_all_parts(tmp_path):
    found = choose_parts([video(tmp_path / "a.mp4", 100)], 10, (48, 64), PARTS)
    assert found.parts == ("motion", "scene") and not found.areas
    (line,) = found.lines()
    assert (
        line
        == "parts: motion and scene, as usual; measuring them needs 36 s of video, read in 90 s"
    )


def test_videos_without_motion_get_all_parts_and_leave_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("VADKIT_CACHE", str(tmp_path / "own"))
    monkeypatch.setattr(choice.tempfile, "tempdir", str(tmp_path))

    def none(*given):
        raise DataError("no pseudo-anomaly has a score")

    monkeypatch.setattr(choice, "_measured", none)
    found = choose_parts([video(tmp_path / "a.mp4", 400)], 10, (48, 64), PARTS)
    assert found.parts == ("motion", "scene")
    assert found.reason == "they could not be measured: no pseudo-anomaly has a score"
    assert {one.name for one in tmp_path.iterdir()} == {"a.mp4"}
    assert choice.os.environ["VADKIT_CACHE"] == str(tmp_path / "own")


def test_parts_without_scores_are_not_compared():
    class Test:
        untouched, extras, clips, clip_extras = [SimpleNamespace(id="a")], [None], [], []

        def parts_of(self, *given):
            return {"motion": np.zeros(3)}

    with pytest.raises(DataError, match="too short to compare them"):
        choice._areas(Test(), None, ("motion", "places"))


def test_a_full_disk_is_a_reason_and_no_end(tmp_path, monkeypatch):
    monkeypatch.setattr("cv2.imwrite", lambda *_: False)
    found = choose_parts([video(tmp_path / "a.mp4", 400)], 10, (48, 64), PARTS)
    assert found.parts == ("motion", "scene")
    assert found.reason.startswith("they could not be measured: ") and "disk" in found.reason


def test_slow_videos_end_the_cutting_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(choice, "_DECODING_S", -1)
    paths = [video(tmp_path / "a.mp4", 400)]
    assert cut_pieces(paths, tmp_path / "pieces", 10, (48, 64)) == {}
    found = choose_parts(paths, 10, (48, 64), PARTS)
    assert found.parts == ("motion", "scene") and "read in" in found.reason


def test_lines_show_every_group():
    means = {("a",): 0.7, ("b",): 0.6, ("a", "b"): 0.72}
    areas = {group: {"x": one - 0.1, "y": one + 0.1} for group, one in means.items()}
    assert Choice(("a", "b"), areas, pieces=8, seconds=32).lines() == [
        "what detects 2 kinds of pseudo-anomalies in 32 s of these videos (mean AUC, videos not "
        "trained on):",
        "  a      0.700",
        "  b      0.600",
        "  a + b  0.720  in the recipe",
    ]


@pytest.mark.slow
def test_walkers_are_measured(tmp_path):
    """People who walk one way: a part that knows speed detects what paces and plays backwards."""
    ground = np.random.default_rng(7).integers(60, 200, (96, 128, 1), np.uint8)
    with VideoWriter(tmp_path / "a.mp4", 10) as writer:
        for number in range(500):
            picture = np.repeat(ground, 3, axis=2)
            for row in (16, 56):
                left = (2 * number + 40 * row) % 180
                picture[row : row + 20, left : left + 12] = 20
            writer.write(picture)
    found = choose_parts([tmp_path / "a.mp4"], 10, (96, 128), PARTS)
    assert set(found.areas) == {("motion",), ("scene",), ("motion", "scene")}
    assert found.pieces == 8 and len(found.areas[("motion",)]) >= 3
    assert mean(found.areas[("motion",)]) > 0.7
    assert found.parts == best(found.areas)
