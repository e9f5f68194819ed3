"""`train.init`: training that starts from the weights of another run."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch

from vadkit.engine.checkpoint import load_checkpoint, save_checkpoint
from vadkit.workflows.evaluate.run_scores import checkpoint_digest

RECIPE = """\
name: tiny
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 24, train_videos: 1}}
clip: {{frames: 4, size: [48, 64], channels: gray}}
method: {{type: conv-ae}}
networks: {{autoencoder: {{width: 8}}}}
train: {{epochs: 1, batch_size: 8}}
hooks: [{{type: checkpoint}}]
"""
# Learns next to nothing, so that the weights at the end are those at the start.
STILL = ("--set", "optimizers.autoencoder={type: sgd, lr: 1.0e-30, momentum: 0.0}")


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return tmp_path_factory.mktemp("scene")


@pytest.fixture
def recipe(tmp_path, scene):
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE.format(root=scene))
    return path


@pytest.fixture
def train(vadkit, recipe, tmp_path):
    def run(*more):
        code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs", *more)
        assert code == 0, err
        return Path(out.strip().splitlines()[-1])

    return run


def weights(run):
    state = load_checkpoint(run / "checkpoints" / "last.pt")["method"]
    return {name: one for name, one in state.items() if "running" not in name and one.ndim}


def init_of(run):
    return json.loads((run / "manifest.json").read_text()).get("init")


def test_training_starts_from_the_weights_of_a_run_or_file(vadkit, train, tmp_path, monkeypatch):
    first = train("--set", "train.seed=5")
    assert init_of(first) is None
    file = first / "checkpoints" / "last.pt"
    plain = train(*STILL)
    for init in (first, file):
        run = train("--set", f"train.init={init}", *STILL)
        assert init_of(run) == {
            "source": str(file),
            "digest": checkpoint_digest(file),
            "step": load_checkpoint(file)["step"],
        }
        assert load_checkpoint(run / "checkpoints" / "last.pt")["step"] == 2
        for name, value in weights(run).items():
            torch.testing.assert_close(value, weights(first)[name])
            assert value.numel() < 50 or not torch.equal(value, weights(plain)[name]), name

    # A relative path becomes absolute, and a run works without the other one.
    monkeypatch.chdir(first.parent)
    run = train("--set", f"train.init={first.name}")
    assert f"init: {first}" in (run / "recipe.yaml").read_text()
    # A run without a checkpoint starts again, from the same weights.
    shutil.rmtree(run / "checkpoints")
    assert vadkit("train", "--resume", run).code == 0
    shutil.rmtree(first)
    assert vadkit("eval", run).code == 0
    assert vadkit("train", "--resume", run, "--set", "train.epochs=2").code == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "networks.autoencoder.width=4",
            r"networks\.autoencoder\.\S+ is 4\S* instead of|is \S+ instead of",
        ),
        ("clip.channels=rgb", "clip.channels gray instead of rgb"),
        ("clip.size=[64, 64]", r"clip.size \[48, 64\] instead of \[64, 64\]"),
        ("clip.frames=5", "clip.frames 4 instead of 5"),
        ("clip.step=2", "clip.step 1 instead of 2"),
        ("networks.autoencoder.mean_image=true", "is missing"),
    ],
)
def test_what_does_not_fit_is_one_line(vadkit, train, recipe, change, words, tmp_path):
    first = train()
    code, _, err = vadkit(
        "train", recipe, "--runs", tmp_path / "other",
        "--set", f"train.init={first}", "--set", change,
    )  # fmt: skip
    assert code == 2, err
    assert re.search(words, err), err
    assert len(err.strip().splitlines()) == 1
    # It is found before a run folder exists.
    assert not list((tmp_path / "other").glob("*/*"))


def test_a_file_outside_of_a_run_is_checked_by_its_tensors(vadkit, train, recipe, tmp_path):
    file = train() / "checkpoints" / "last.pt"
    lone = tmp_path / "lone.pt"
    shutil.copy(file, lone)
    assert init_of(train("--set", f"train.init={lone}"))["source"] == str(lone)
    state = load_checkpoint(lone)
    name = next(iter(state["method"]))
    for method, words in [
        ({**state["method"], "ext\x1bra": torch.zeros(1)}, r"ext\\x1bra is unknown"),
        ({name: state["method"][name]}, "is missing, .* and [0-9]+ more"),
        ({**state["method"], name: torch.zeros(3)}, f"{name} is 3 instead of"),
        ({**state["method"], name: "text"}, "does not fit"),
        ({**state["method"], name: state["method"][name] * float("nan")}, "not finite"),
    ]:
        save_checkpoint(lone, {**state, "method": method})
        code, _, err = vadkit("train", recipe, "--set", f"train.init={lone}")
        assert code == (4 if words == "not finite" else 2)
        assert re.search(words, err), err
        assert len(err.strip().splitlines()) == 1, err


class Trap:
    def __reduce__(self):
        return Path.touch, (Path("trapped"),)


def test_only_weights_are_read(vadkit, train, recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = train()
    torch.save({"format": 1, "method": Trap()}, tmp_path / "trap.pt")
    (tmp_path / "text.pt").write_text("no archive")
    (tmp_path / "empty").mkdir()
    for init in ("trap.pt", "text.pt", "empty", "nothing", "/dev/null"):
        code, _, err = vadkit("train", recipe, "--set", f"train.init={init}")
        assert code == 4, (init, err)
        assert len(err.strip().splitlines()) == 1, err
    assert not Path("trapped").exists()
    # Plugins of the other run are not executed, whatever its recipe says.
    (tmp_path / "evil.py").write_text("from pathlib import Path\nPath('trapped').touch()\n")
    text = (first / "recipe.yaml").read_text()
    (first / "recipe.yaml").write_text(text.replace("plugins: []", "plugins: [../../../evil.py]"))
    assert "evil" in (first / "recipe.yaml").read_text()
    train("--set", f"train.init={first}")
    assert not Path("trapped").exists()


def test_methods_that_fit_without_gradients_refuse_it(vadkit, train, recipe, tmp_path):
    first = train()
    for method in ("motion-field", "scene-bank"):
        recipe.write_text(
            f"name: x\ndataset: {{type: folder, root: {tmp_path}}}\nmethod: {{type: {method}}}\n"
        )
        code, _, err = vadkit("train", recipe, "--set", f"train.init={first}")
        assert code == 2, err
        assert "trains no weights" in err
