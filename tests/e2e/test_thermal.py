"""Images of more than 8 bits: one scale for the whole data set, kept by the run."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

COLD, PERSON, FIRE = 7000, 400, 900


def sequence(folder, seed, *, dtype=np.uint16, ending="png", burns=range(0), frames=40):
    """A folder of thermal images: a person walks, one pixel of the sensor is dead."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    for frame in range(frames):
        image = COLD + random.integers(0, 20, (48, 64)).astype(float)
        left = (2 * frame + 3 * seed) % 50
        image[15:30, left : left + 8] += PERSON
        if frame in burns:
            image[10:40, 10:40] += FIRE
        image[3, 3] = 65535
        cv2.imwrite(str(folder / f"{frame}.{ending}"), image.astype(dtype))


def project(vadkit, folder):
    code, out, err = vadkit("init", "gate", "--videos", folder, "--train")
    assert code == 0, err
    return out.strip().splitlines()[-1], err


@pytest.mark.parametrize(("dtype", "ending"), [(np.uint16, "png"), (np.float32, "tif")])
def test_the_range_of_the_training_images_is_used_everywhere(
    vadkit, tmp_path, monkeypatch, dtype, ending
):
    monkeypatch.chdir(tmp_path)
    for seed in range(3):
        sequence(tmp_path / f"normal/{seed}", seed, dtype=dtype, ending=ending)
    sequence(tmp_path / "new", 9, dtype=dtype, ending=ending, burns=range(15, 25))
    run, err = project(vadkit, "normal")
    low, high = yaml.safe_load(Path(run, "recipe.yaml").read_text())["data"]["levels"]
    assert COLD <= low < COLD + 3 and COLD + PERSON + 10 < high < COLD + PERSON + 20
    assert json.loads(Path(run, "manifest.json").read_text())["dataset"]["levels"] == [low, high]
    assert err.count(f"values from {low:g} to {high:g} become black to white") == 1
    code, _, err = vadkit("infer", run, "new", "--out", "out", "--sink", "csv")
    assert code == 0 and "8 bits" not in err
    rows = list(csv.DictReader(Path("out/new/new.csv").read_text().splitlines()))
    scores = {int(row["frame"]): float(row["raw"] or "nan") for row in rows}
    # The upper 8 bits of a person and of the background differ by two.
    assert max(scores[frame] for frame in range(15, 25)) > 10 * scores[38]


def test_a_stated_range_and_a_run_without_one(vadkit, tmp_path, monkeypatch, evaluated_run, caplog):
    monkeypatch.chdir(tmp_path)
    sequence(tmp_path / "deep", 1)
    code, _, err = vadkit("infer", evaluated_run, "deep", "--out", "out", "--sink", "csv")
    assert code == 0
    assert "40 images have more than 8 bits, and only the upper 8 are used" in caplog.text
    sequence(tmp_path / "float", 1, dtype=np.float32, ending="tif")
    code, _, err = vadkit("infer", evaluated_run, "float", "--out", "out", "--sink", "csv")
    assert code == 3 and "0.tif has pixels of type float32; state the values" in err
    code, _, err = vadkit("data", "check", "float")
    assert code == 0 and "from 7000 to" in err


@pytest.mark.parametrize("levels", ["[5, 5]", "[9, 2]", "[0, .inf]", "[.nan, 3]"])
def test_levels_that_do_not_rise_are_refused(vadkit, levels):
    code, _, err = vadkit("validate", "quickstart", "--set", f"data.levels={levels}")
    assert code == 2 and "data.levels" in err


def test_images_of_8_bits_are_as_before(tmp_path):
    from vadkit.data.decoding.decode import read_frames
    from vadkit.workflows.levels import _measured

    image = np.random.default_rng(0).integers(0, 255, (24, 32, 3)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "1.png"), image)
    assert _measured((tmp_path,), 20.0) is None
    for levels in (None, (100.0, 200.0)):
        (frame,) = read_frames(tmp_path, levels=levels)
        assert np.array_equal(frame, image[..., ::-1])
