"""Bad data: exit code 3 and a line that says what is wrong and what to do."""

import av
import numpy as np
import pytest

RECIPE = """\
dataset: {type: folder, root: %s}
clip: {frames: 5, size: [48, 64], channels: gray}
method: {type: future-frame}
networks: {generator: {width: 4}, discriminator: null}
train: {epochs: 1, batch_size: 2}
"""


def write_video(path, frames):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for level in range(frames):
            picture = np.full((48, 64, 3), 10 * level % 255, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def missing(folder):
    return folder / "none"


def empty(folder):
    return folder


def text(folder):
    (folder / "a.mp4").write_text("this is no video, whatever its name says\n" * 50)
    return folder


def zero_bytes(folder):
    (folder / "a.mp4").touch()
    return folder


def one_frame(folder):
    write_video(folder / "a.mp4", 1)
    return folder


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (missing, ["does not exist", "give a folder of videos"]),
        (empty, ["contains no videos", "put videos there"]),
        (text, ["no reader can open", "a.mp4; check that it is a complete video file"]),
        (zero_bytes, ["a.mp4 is empty (0 bytes)", "copy or download it again"]),
        (one_frame, ["needs 5 frames", "has 1; use longer videos"]),
    ],
)
def test_bad_training_data(make, expected, vadkit, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE % make(folder))
    code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs")
    assert code == 3, err
    assert out == ""
    for part in expected:
        assert part in err
    assert "Traceback" not in err


def test_missing_benchmark_says_where_to_get_it(vadkit, tmp_path):
    code, _, err = vadkit(
        "train", "ped2/future-frame-small", "--set", f"dataset.root={tmp_path / 'none'}"
    )
    assert code == 3
    assert "datasets/ucsd/README.md" in err
    assert "--set dataset.root=" in err
