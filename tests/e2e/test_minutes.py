"""A short training through the command line, ended by ``train.minutes``."""

import json
from pathlib import Path

RECIPE = """\
name: tiny
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 24, train_videos: 2}}
clip: {{frames: 4, size: [48, 64], channels: gray}}
method: {{type: conv-ae}}
networks: {{autoencoder: {{width: 8}}}}
{schedulers}
train: {{epochs: 100000, batch_size: 8}}
hooks:
  - {{type: progress}}
  - {{type: metrics-log, every: 1}}
  - {{type: checkpoint}}
  - {{type: evaluate, every: 100000}}
  - {{type: lr-monitor}}
"""


def test_minutes_end_training_with_a_low_rate(vadkit, tmp_path):
    recipe = tmp_path / "tiny.yaml"
    for schedulers in ("", "schedulers: {autoencoder: {type: cosine}}"):
        recipe.write_text(RECIPE.format(root=tmp_path / "scene", schedulers=schedulers))
        code, out, err = vadkit(
            "train", recipe, "--runs", tmp_path / "runs", "--set", "train.minutes=0.05"
        )
        assert code == 0, err
        run = Path(out.strip().splitlines()[-1])
        manifest = json.loads((run / "manifest.json").read_text())
        assert manifest["status"] == "done"
        assert manifest["stopped_early"] == "train.minutes 0.05 reached"
        assert 3 <= manifest["training_seconds"] < 20
        assert manifest["epochs"] == round(manifest["step"] / 5, 2)
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        assert [line["event"] for line in lines].count("evaluated") == 1
        last = [line for line in lines if line["event"] == "epoch"][-1]
        assert last["step"] == manifest["step"]
        assert {"loss"} <= set(last)
        rates = [line["lr/autoencoder"] for line in lines if line["event"] == "epoch"]
        assert rates == sorted(rates, reverse=True)
        assert rates[-1] < 0.1 * rates[0]
        code, out, err = vadkit("train", "--resume", run)
        assert code == 0, err
        assert json.loads((run / "manifest.json").read_text())["step"] == manifest["step"]
        code, out, err = vadkit("eval", run, "--json")
        assert code == 0, err


def test_a_bad_limit_is_one_line(vadkit, tmp_path):
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(RECIPE.format(root=tmp_path / "scene", schedulers=""))
    for value in ("0", "-1", ".inf", ".nan", "soon"):
        code, _, err = vadkit("train", recipe, "--dry-run", "--set", f"train.minutes={value}")
        assert code == 2
        assert "train.minutes" in err
        assert len(err.strip().splitlines()) == 1, err
