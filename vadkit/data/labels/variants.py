"""Recognise by lengths which version of the videos scores or labels were made for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# Frames of the truths in use for the test split; each paper uses one of them.
TRUTHS: dict[str, tuple[int, ...]] = {
    "UCF-Crime": (1_114_144, 1_111_808, 1_109_680),
    "ShanghaiTech with weak labels": (142_912, 140_112, 141_869),
}
# Feature extractors work on segments of this many frames.
_SEGMENT = 16
# A method does not need more frames before its first score.
MOST_OFFSET = 64

_SEGMENTED: dict[str, Callable[[int], int]] = {
    "each video was cut to whole segments of 16 frames": lambda n: n // _SEGMENT * _SEGMENT,
    "each video was filled up to whole segments of 16 frames": lambda n: (
        -(-n // _SEGMENT) * _SEGMENT
    ),
    "each value is of a segment of 16 frames; for scores, add --segment 16": lambda n: (
        n // _SEGMENT
    ),
    "each value is of up to 16 frames; for scores, add --segment 16": lambda n: -(-n // _SEGMENT),
}


def truth_of(frames: int) -> str | None:
    """Return "the truth of UCF-Crime with 1,111,808 frames" for a known total, else None."""
    for dataset, totals in TRUTHS.items():
        if frames in totals:
            return f"the truth of {dataset} with {frames:,} frames"
    return None


def truth_note(frames: int) -> str | None:
    """Return a remark if a dataset has several truths and the total is that of one of them."""
    for dataset, totals in TRUTHS.items():
        if frames in totals:
            others = " and ".join(f"{total:,}" for total in totals if total != frames)
            return (
                f"{frames:,} frames: scores and labels are of one of {len(totals)} truths of "
                f"{dataset} in use (the others have {others} frames). Compare them only with "
                "results of the same truth."
            )
    return None


def missing_first(found: Sequence[int], frames: Sequence[int]) -> int | None:
    """Return how many values every video lacks, if all lack the same number, else None."""
    lacking = {have - got for got, have in zip(found, frames, strict=True)}
    if len(lacking) != 1 or not found:
        return None
    (offset,) = lacking
    return offset if 0 < offset <= MOST_OFFSET and min(found) > 0 else None


def missing_in_total(total: int, frames: Sequence[int]) -> int | None:
    """Like ``missing_first``, for one row of all videos."""
    offset, rest = divmod(sum(frames) - total, max(len(frames), 1))
    if rest or not 0 < offset <= MOST_OFFSET or offset >= min(frames):
        return None
    return offset


def explain_total(total: int, frames: Sequence[int]) -> str:
    """Return a likely reason why ``total`` values do not fit videos, as "; ..." or ""."""
    theirs, ours = truth_of(total), truth_of(sum(frames))
    if theirs is not None:
        other = f"; these videos and labels are {ours}" if ours else ""
        return f"; it is the length of {theirs}{other}"
    for reason, change in _SEGMENTED.items():
        if sum(map(change, frames)) == total:
            return f"; {reason}"
    return ""


def explain_lengths(found: Sequence[int], frames: Sequence[int]) -> str:
    """Like ``explain_total``, for values by video."""
    for reason, change in _SEGMENTED.items():
        if [change(one) for one in frames] == list(found):
            return f"; {reason}"
    theirs = truth_of(sum(found))
    return f"; together they have the length of {theirs}" if theirs is not None else ""
