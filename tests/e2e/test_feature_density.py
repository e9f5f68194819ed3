"""Features of files and of frames from a recipe to scores, and what a user may get wrong."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

RECIPE = """\
dataset: {{type: folder, root: {root}/train, test: {root}/test, labels: {root}/labels.json}}
clip: {{size: [32, 32]}}
method:
  type: feature-density
  of: frame
  features:
    - {{type: embeddings-file, train: {root}/rows/train, test: {root}/rows/test}}
  density: {{type: knn, k: 1}}
"""


@pytest.fixture
def recipe(tmp_path):
    """Videos of 8 frames whose embeddings are their frame's number, one odd in the test video."""
    rng = np.random.default_rng(0)
    for split, ids in (("train", ("01", "02")), ("test", ("03",))):
        (tmp_path / "rows" / split).mkdir(parents=True)
        for id in ids:
            (tmp_path / split / id).mkdir(parents=True)
            for number in range(8):
                picture = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(picture).save(tmp_path / split / id / f"{number:03d}.png")
            rows = np.arange(8.0)[:, None] + 0.1 * (id == "02")
            rows[5] += 50 * (id == "03")
            np.save(tmp_path / "rows" / split / f"{id}.npy", rows)
    (tmp_path / "labels.json").write_text(
        '{"format": "vadkit-labels-1", "videos": {"03": {"frames": 8, "abnormal": [[5, 6]]}}}'
    )
    path = tmp_path / "rows.yaml"
    path.write_text(RECIPE.format(root=tmp_path))
    return path


def test_embeddings_from_files_are_scored_but_not_for_new_video(vadkit, recipe, tmp_path):
    sets = ["--set", "method.folds=2"]
    code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs", *sets)
    assert code == 0, err
    # It needs the score of video that is not in the data set, which is no reason to fail.
    assert "no review of the normal video: method.features.0" in err
    run = Path(out.strip())
    code, _, err = vadkit("eval", run, "--json")
    assert code == 0, err
    scores = np.load(run / "scores" / "test" / "03.npz")["scores"]
    assert np.isnan(scores[0])
    # Held out, rows of one video lie 0.1 from those of the other; 55 lies 47.9 from the nearest.
    assert (np.delete(scores[1:], 4) == 0).all()
    assert scores[5] > 1000
    code, _, err = vadkit("infer", run, tmp_path / "test")
    assert code == 2
    assert "method.features.0: the file has features only for its dataset" in err


def test_a_missing_file_is_named_before_training(vadkit, recipe, tmp_path):
    (tmp_path / "rows" / "train" / "02.npy").unlink()
    code, _, err = vadkit("train", recipe, "--runs", tmp_path / "runs")
    assert code == 3
    assert "video '02' has no 02.npz or 02.npy in" in err and "01.npy" in err


def test_faults_of_features_have_their_place(vadkit, recipe):
    code, _, err = vadkit(
        "validate", recipe, "--set", "method.features.0.type=hogg", "--set", "method.density.kk=1"
    )
    assert code == 2
    assert "no features component named 'hogg'; did you mean 'hog'?" in err
    assert "method.density.kk" in err
    code, _, err = vadkit("validate", recipe, "--set", "method.features=[]")
    assert code == 2 and "method.features" in err
