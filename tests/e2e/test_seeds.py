"""`vadkit train --seeds` on a drawn scene: runs, summary, and what is left after a failure."""

import json
import shutil
import statistics
from pathlib import Path

import pytest
import torch

from vadkit.engine.checkpoint import load_checkpoint

RECIPE = """\
name: tiny
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 24, train_videos: 1}}
clip: {{frames: 4, size: [48, 64], channels: gray}}
method: {{type: conv-ae}}
networks: {{autoencoder: {{width: 8}}}}
train: {{epochs: 1, batch_size: 8}}
hooks: [{{type: checkpoint}}]
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE.format(root=tmp_path / "scene"))
    return path


def weights(run):
    return load_checkpoint(run / "checkpoints" / "last.pt")["method"]


def test_each_seed_is_trained_and_evaluated_and_summarised(vadkit, recipe, tmp_path):
    runs = tmp_path / "runs"
    command = ("train", recipe, "--seeds", "0, 3,1", "--runs", runs)
    code, out, err = vadkit(*command, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert [one["seed"] for one in found["seeds"]] == [0, 3, 1]
    assert len({one["run"] for one in found["seeds"]}) == 3
    for one in found["seeds"]:
        evaluation = json.loads(vadkit("eval", one["run"], "--json").out)
        for metric in evaluation["metrics"]:
            assert one["metrics"][metric["protocol_name"]][metric["name"]] == metric["value"]
    for protocol in ("raw", "online", "offline"):
        values = [one["metrics"][protocol]["micro-auc"] for one in found["seeds"]]
        spread = found["summary"][protocol]["micro-auc"]
        assert spread["mean"] == pytest.approx(statistics.mean(values))
        assert spread["deviation"] == pytest.approx(statistics.stdev(values))

    # A seed after others is the same as the seed alone.
    code, out, err = vadkit("train", recipe, "--set", "train.seed=1", "--runs", tmp_path / "alone")
    assert code == 0, err
    alone = weights(Path(out.strip()))
    for name, value in weights(Path(found["seeds"][2]["run"])).items():
        assert torch.equal(alone[name], value), name

    # The same command trains nothing again, and another seed only itself.
    code, out, err = vadkit("train", recipe, "--seeds", "0,2,3,1", "--runs", runs)
    assert code == 0, err
    assert err.count("already trained") == 3
    assert len(list((runs / "tiny").iterdir())) == 4
    assert "seeds 0, 2, 3, 1" in out
    assert out.count("±") > 3
    assert out.splitlines()[-4] == found["seeds"][0]["run"]
    # Another recipe shares no run with it, and `compare` shows all as one more row.
    code, out, err = vadkit(
        "train", recipe, "--seeds", "0", "--runs", runs, "--set", "train.batch_size=4"
    )
    assert code == 0, err
    assert "already trained" not in err
    code, out, err = vadkit(
        "compare", *(one["run"] for one in found["seeds"]), "--plot", tmp_path / "plot.png"
    )
    assert code == 0, err
    assert "seeds 0, 3, 1" in out


FAILING = """\
import vadkit
from vadkit.hooks.hook import Hook
from vadkit.errors import TrainingError
from pathlib import Path


@vadkit.register("hooks", "fails")
class Fails(Hook):
    \"\"\"Fails or interrupts once per file that says so.\"\"\"

    def __init__(self, *, root: Path):
        self.root = root

    def on_fit_start(self, ctx):
        seen = self.root / ctx.run.name
        if seen.exists():
            return
        seen.touch()
        number = len(list(self.root.iterdir()))
        if number == 2:
            raise TrainingError("the second one fails")
        if number == 4:
            raise KeyboardInterrupt
"""


def test_a_seed_that_fails_is_named_and_continued_by_the_same_command(vadkit, recipe, tmp_path):
    (tmp_path / "fails.py").write_text(FAILING)
    seen = tmp_path / "seen"
    seen.mkdir()
    recipe.write_text(
        recipe.read_text().replace(
            "[{type: checkpoint}]", f"[{{type: checkpoint}}, {{type: fails, root: {seen}}}]"
        )
        + "plugins: [fails.py]\n"
    )
    command = ("train", recipe, "--runs", tmp_path / "runs", "--seeds")
    code, out, err = vadkit(*command, "5,6,7")
    assert code == 4
    assert "seed 6 failed: the second one fails" in err
    assert err.splitlines()[-1].startswith("error: 1 of 3 seeds failed: 6;")
    assert "seeds 5, 7" in out
    code, out, err = vadkit(*command, "5,6,8")
    assert code == 130
    assert "seed 6: continuing" in err
    assert "run the same command again" in err
    code, out, err = vadkit(*command, "5,6,8", "--json")
    assert code == 0, err
    assert err.count("already trained") == 2
    assert "seed 8: continuing" in err
    found = json.loads(out)["seeds"]
    assert [one["failed"] for one in found] == [None] * 3
    assert len(list((tmp_path / "runs" / "tiny").iterdir())) == 4
    # Each run has its own copy of the plugin, and they are runs of one recipe nevertheless.
    plot = tmp_path / "plot.png"
    code, out, err = vadkit("compare", *(one["run"] for one in found), "--plot", plot)
    assert code == 0, err
    assert "seeds 5, 6, 8" in out


def test_without_labels_the_runs_are_trained_but_not_evaluated(vadkit, recipe, tmp_path):
    videos = tmp_path / "videos"
    videos.mkdir()
    assert vadkit("train", recipe, "--runs", tmp_path / "runs").code == 0
    shutil.copy(next((tmp_path / "scene").rglob("*.mp4")), videos / "one.mp4")
    text = recipe.read_text().splitlines()
    text[1] = f"dataset: {{type: folder, root: {videos}}}"
    recipe.write_text("\n".join(text))
    code, out, err = vadkit("train", recipe, "--seeds", "0,1", "--runs", tmp_path / "runs")
    assert code == 0, err
    assert "Not evaluated: dataset 'folder' has no test videos" in out


@pytest.mark.parametrize("seeds", ["", "1,1", "a", "-1", "1,", "1.5", str(2**63)])
def test_wrong_seeds_are_one_line(vadkit, recipe, seeds):
    code, _, err = vadkit("train", recipe, "--seeds", seeds)
    assert code == 2
    assert len(err.strip().splitlines()) == 1, err


def test_seeds_do_not_go_with_other_choices(vadkit, recipe, tmp_path):
    for more in (["--set", "train.seed=1"], ["--dry-run"]):
        assert vadkit("train", recipe, "--seeds", "1", *more).code == 2
    assert vadkit("train", "--resume", tmp_path, "--seeds", "1").code == 2
