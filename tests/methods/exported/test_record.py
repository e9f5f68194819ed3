"""The record of an exported clip: what is written can be read."""

from vadkit.data.videos import ClipSpec
from vadkit.methods.exported.method import ExportedMethod, clip_record


def test_a_record_of_any_clip_can_be_read():
    clip = ClipSpec(5, (32, 48), "gray", (4,), 2, (-1.0, 1.0), flow=(1, 2), fps=25.0, aspect=1.5)
    assert ExportedMethod(lambda tensors: tensors, {"clip": clip_record(clip)}).clip == clip
