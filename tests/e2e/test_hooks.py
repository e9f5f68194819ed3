"""A run of the drawn scene with every hook that looks at the method."""

import json
from pathlib import Path

import torch

PLUGIN = '''
import vadkit
from vadkit.methods.future_frame import FutureFrame


@vadkit.register("methods", "with-features")
class WithFeatures(FutureFrame):
    """Future frames, with a coarse picture of each as its features."""

    def embed(self, clips):
        return self.score(clips).output[:, 0, 0, ::12, ::16].flatten(1)
'''
RECIPE = """\
name: looked-at
plugins: [features.py]
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 24, train_videos: 2}}
clip: {{frames: 5, size: [48, 64], channels: gray}}
augments: [{{type: tensor-flip}}]
flow: null
method: {{type: with-features}}
networks: {{generator: {{width: 4}}, discriminator: {{width: 4}}}}
train: {{epochs: 2, batch_size: 8}}
hooks:
  - {{type: metrics-log}}
  - {{type: checkpoint}}
  - {{type: evaluate}}
  - {{type: visualise, clips: 2}}
  - {{type: score-plot, most: 2}}
  - {{type: embedding, clips: 40}}
  - {{type: cluster, clips: 40, clusters: 3}}
  - {{type: ema, decay: 0.5}}
  - {{type: gradients}}
"""


def test_every_hook_writes_its_output(vadkit, tmp_path):
    (tmp_path / "features.py").write_text(PLUGIN)
    recipe = tmp_path / "looked-at.yaml"
    recipe.write_text(RECIPE.format(root=tmp_path / "scene"))
    code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs")
    assert code == 0, err
    run = Path(out.strip().splitlines()[-1])
    for name in ("visualise/{}.png", "embedding/{}.png", "clusters/{}.json"):
        for epoch in ("epoch-0001", "epoch-0002"):
            assert (run / name.format(epoch)).stat().st_size > 500
    plots = sorted(path.name for path in (run / "score-plots" / "epoch-0002").iterdir())
    assert plots == ["01.png", "04.png"]
    clusters = json.loads((run / "clusters" / "epoch-0002.json").read_text())["clusters"]
    assert sum(cluster["size"] for cluster in clusters) == 40
    assert {one["video"] for cluster in clusters for one in cluster["nearest"]} <= {"01", "02"}
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    epoch = [line for line in lines if line["event"] == "epoch"][-1]
    for role in ("generator", "discriminator"):
        assert 0 < epoch[f"gradients/{role}"] <= epoch[f"gradients/{role}-max"]
    assert epoch["cluster/smallest"] == clusters[-1]["size"]
    # The run ends with the average; its plain weights, of the last step, are kept beside it.
    last = torch.load(run / "checkpoints" / "last.pt", weights_only=True)
    plain = next(state for name, state in last["hooks"].items() if name.endswith("-ema"))["other"]
    assert any(not torch.equal(plain[name], last["method"][name]) for name in plain)

    code, out, err = vadkit("eval", run, "--json")
    assert code == 0, err
    figures = {f"{m['name']}[{m['protocol']}]": m["value"] for m in json.loads(out)["metrics"]}
    tested = [line for line in lines if line["event"] == "evaluated"][-1]
    of_raw = {name: value for name, value in figures.items() if "[raw:" in name and name in tested}
    assert len(of_raw) >= 11, "frame-auc's"
    assert {name: tested[name] for name in of_raw} == of_raw, "the run ended with what it tested"
