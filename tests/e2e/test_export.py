"""A run as one file: the same scores from ONNX Runtime and torch.export as from the run."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vadkit.workflows.detector import Detector

RECIPE = """\
name: {method}
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 24, train_videos: 2}}
clip: {{frames: 5, size: [48, 64], channels: gray}}
method: {{type: {method}}}
networks: {networks}
train: {{epochs: 1, batch_size: 8}}
hooks: [{{type: checkpoint}}]
scorers: [{{type: ema, halflife: 2}}]
"""
NETWORKS = {
    "future-frame": "{generator: {width: 4}, discriminator: {width: 4}}",
    "conv-ae": "{autoencoder: {width: 8}}",
}


def train(vadkit, folder, method):
    recipe = folder / f"{method}.yaml"
    text = RECIPE.format(root=folder / "scene", method=method, networks=NETWORKS[method])
    recipe.write_text(text + ("flow: null\n" if method == "future-frame" else ""))
    code, out, err = vadkit("train", recipe, "--runs", folder / "runs")
    assert code == 0, err
    return Path(out.strip().splitlines()[-1])


TRAINING = ("engine", "hooks", "losses", "networks", "optim")


def loaded_with(path):
    """Modules for training that a process has which only scores with an exported file."""
    code = (
        "import sys, numpy as np; from vadkit import Detector; "
        f"list(Detector.load({str(path)!r}).stream([np.zeros((48, 64, 3), np.uint8)] * 9)); "
        f"print(*(m for m in sys.modules if m.startswith('vadkit.') and m.split('.')[1] in "
        f"{TRAINING}))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.split()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "form"),
    [("future-frame", "onnx"), ("future-frame", "torch-export"), ("conv-ae", "onnx")],
)
def test_an_exported_run_scores_as_the_run_does(vadkit, tmp_path, method, form):
    if form == "onnx":
        pytest.importorskip("onnxruntime", reason="pip install 'vadkit[onnx]'")
        pytest.importorskip("onnxscript", reason="pip install 'vadkit[onnx]'")
    run = train(vadkit, tmp_path, method)
    code, out, err = vadkit("export", run, "--format", form, "--json")
    assert code == 0, err
    done = json.loads(out)
    path = Path(done["path"])
    assert path.parent == run / "export"
    assert path.stat().st_size == done["bytes"]
    assert 0 <= done["difference"] < 1e-3

    frames = list(np.random.default_rng(0).integers(0, 255, (20, 48, 64, 3), np.uint8))
    theirs = [one.raw for one in Detector.load(path).stream(frames)]
    ours = [one.raw for one in Detector.load(run).stream(frames)]
    assert np.isfinite(ours).sum() == 16
    np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-5)

    # Its alarms are those of the run.
    assert Detector.load(path).rules == Detector.load(run).rules
    if form == "onnx":
        assert loaded_with(path) == []

    # The file is all that is needed, wherever it lies.
    alone = tmp_path / "elsewhere" / path.name
    alone.parent.mkdir()
    path.rename(alone)
    video = next((tmp_path / "scene").rglob("*.mp4"))
    code, out, err = vadkit("infer", alone, video, "--json")
    assert code == 0, err
    (result,) = json.loads(out)
    assert result["scored"] == result["frames"] - 4
    assert Path(result["files"][0]).is_relative_to(alone.parent / f"{alone.stem}-infer")


def test_files_that_cannot_be_exported_or_loaded(vadkit, tmp_path):
    code, _, err = vadkit("export", tmp_path / "none")
    assert code == 4
    for name, message in [
        ("none.onnx", "no exported model at"),
        ("broken.pt2", "cannot be read as a torch.export file"),
    ]:
        if name.startswith("broken"):
            (tmp_path / name).write_bytes(b"PK broken")
        code, _, err = vadkit("infer", tmp_path / name, tmp_path / "x.mp4")
        assert code == 3, err
        assert message in err or "x.mp4" in err


def test_a_method_without_a_fixed_graph(vadkit, tmp_path):
    recipe = tmp_path / "mf.yaml"
    recipe.write_text(
        f"name: mf\ndataset: {{type: synthetic, root: {tmp_path / 'scene'}, size: [48, 64], "
        "frames: 24, train_videos: 2}\nclip: {frames: 3, size: [48, 64], channels: gray}\n"
        "method: {type: motion-field, person: 12}\n"
    )
    code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs")
    assert code == 0, err
    run = Path(out.strip().splitlines()[-1])
    code, _, err = vadkit("export", run, "--format", "torch-export")
    assert code == 2
    assert "method 'motion-field' cannot be exported" in err
    assert len(err.strip().splitlines()) == 1
    assert not list(run.glob("export/*"))
