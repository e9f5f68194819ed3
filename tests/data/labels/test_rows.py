"""One row of labels for all videos, and which version of videos a length tells."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.rows import cut_row, order, row_of
from vadkit.data.labels.variants import (
    explain_lengths,
    explain_total,
    missing_first,
    missing_in_total,
    truth_note,
)
from vadkit.errors import DataError

GT = Path("gt.npy")
videos = st.lists(st.lists(st.booleans(), min_size=1, max_size=9), min_size=1, max_size=6)


@given(videos)
def test_cut_parts_put_together_are_the_row(parts):
    flags = np.concatenate(parts)
    lengths = {f"v{number}": len(part) for number, part in enumerate(parts)}
    found = cut_row({"gt": Labels.from_flags(flags)}, lengths, GT)
    assert list(found) == list(lengths)
    for number, part in enumerate(parts):
        name = f"v{number}"
        assert found[name].flags(len(part), name, "gt.npy").tolist() == part


def test_a_row_of_another_length_is_described():
    row = {"gt": Labels([(2, 4)], 10)}
    with pytest.raises(
        DataError, match=r"^gt\.npy is one row of 10 values, and the 2 videos have 9 frames; give"
    ):
        cut_row(row, {"a": 4, "b": 5}, GT)
    with pytest.raises(DataError, match=r"row of 32 values.* whole segments of 16 frames; give"):
        cut_row({"gt": Labels([], 32)}, {"a": 20, "b": 25}, GT)
    with pytest.raises(DataError, match=r"have 45 frames, 4 more for each: the row may leave out"):
        cut_row({"gt": Labels([], 37)}, {"a": 20, "b": 25}, GT)
    with pytest.raises(DataError, match="it is the length of the truth of UCF-Crime with 1,109,6"):
        cut_row({"gt": Labels([], 1_109_680)}, {"a": 20, "b": 25}, GT)


def test_only_a_file_of_one_row_with_another_name_is_a_row():
    row = {"01": Labels([], 9)}
    assert row_of(row, "frame-npy", GT) == Labels([], 9)
    assert row_of(row, "frame-npy", GT, ["01", "02"]) is None
    assert row_of(row, "json", GT) is None
    assert row_of({**row, "02": Labels([], 3)}, "frame-npz", GT) is None
    assert row_of(row, "frame-npy", Path(__file__).parent) is None


def test_the_order_of_many_videos_is_shortened():
    assert order({"a": 1, "b": 2}) == "a (1), b (2)"
    assert order({str(n): n for n in range(9)}) == "0 (0), 1 (1), 2 (2), ..., 7 (7), 8 (8)"


lengths = st.lists(st.integers(70, 5000), min_size=1, max_size=8)


@given(lengths, st.integers(1, 64))
def test_missing_first_frames_are_found(frames, offset):
    assert missing_first([one - offset for one in frames], frames) == offset
    assert missing_in_total(sum(frames) - offset * len(frames), frames) == offset


@given(lengths)
def test_complete_scores_lack_nothing(frames):
    assert missing_first(frames, frames) is None
    assert missing_first([one + 1 for one in frames], frames) is None
    assert missing_in_total(sum(frames), frames) is None
    assert missing_in_total(sum(frames) + 3 * len(frames), frames) is None


def test_unequal_gaps_are_no_offset():
    assert missing_first([96, 95], [100, 100]) is None
    assert missing_in_total(191, [100, 100]) is None
    # All frames of the shortest video would be missing.
    assert missing_in_total(95, [3, 100]) is None
    assert missing_first([30, 30], [100, 100]) is None


@given(lengths)
def test_segments_of_sixteen_are_recognised(frames):
    down = [one // 16 * 16 for one in frames]
    if down != frames:
        assert "segments of 16" in explain_lengths(down, frames)
        assert "segments of 16" in explain_total(sum(down), frames)
    assert "16" in explain_lengths([one // 16 for one in frames], frames)
    assert explain_lengths([one + 40 for one in frames], frames) == ""


def test_the_truths_in_use_are_told_by_their_length():
    note = truth_note(1_111_808)
    assert note.startswith("1,111,808 frames: scores and labels are of one of 3 truths of UCF-Cr")
    assert "the others have 1,114,144 and 1,109,680 frames" in note
    assert "ShanghaiTech" in truth_note(142_912)
    assert truth_note(2010) is None
    told = explain_total(1_111_808, [1_114_000, 144])
    assert "the truth of UCF-Crime with 1,111,808 frames" in told
    assert "these videos and labels are the truth of UCF-Crime with 1,114,144" in told
