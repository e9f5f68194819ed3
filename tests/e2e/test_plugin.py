"""Third-party parts in one file, trained through the unchanged command line."""

import json
from pathlib import Path

PLUGIN = '''
import torch
from torch import nn

import vadkit
from vadkit.data.videos import ClipSpec
from vadkit.hooks.hook import Hook
from vadkit.methods.method import Method, Scores, Update


@vadkit.register("networks", "one-conv")
class OneConv(nn.Module):
    """A single convolution."""

    def __init__(self, in_channels: int, out_channels: int, *, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2)

    def forward(self, x):
        return self.conv(x)


@vadkit.register("losses", "quartic")
class Quartic:
    """Mean fourth power."""

    def __call__(self, output, target):
        return (output - target).pow(4).mean()


@vadkit.register("hooks", "count-steps")
class CountSteps(Hook):
    """Counts steps into a file."""

    def __init__(self, *, file: str = "steps.txt") -> None:
        self.file = file
        self.steps = 0

    def on_step_end(self, ctx):
        self.steps += 1

    def on_fit_end(self, ctx):
        (ctx.run / self.file).write_text(str(self.steps))


@vadkit.register("methods", "last-from-first")
class LastFromFirst(Method):
    """Predicts the last frame from the first."""

    defaults = {
        "clip": {"frames": 3, "size": [48, 64], "channels": "gray"},
        "networks": {"net": {"type": "one-conv"}},
        "losses": {"error": {"type": "quartic"}},
        "optimizers": {"net": {"type": "adam", "lr": 0.01}},
        "train": {"epochs": 2, "batch_size": 8},
    }

    def __init__(self, networks, losses, clip, *, sharpness: float = 1.0) -> None:
        super().__init__(networks, losses, clip)
        self.sharpness = sharpness

    @classmethod
    def clip_spec(cls, frames, size, channels, step):
        return ClipSpec(frames, size, channels, (frames - 1,), step, (0.0, 1.0))

    @classmethod
    def network_args(cls, clip):
        return {"net": (clip.planes, clip.planes)}

    def updates(self, clips):
        yield Update("net", lambda: {"error": self.losses["error"](
            self.networks["net"](clips.frames[:, :, 0]), clips.frames[:, :, -1])})

    @torch.no_grad()
    def score(self, clips):
        error = self.networks["net"](clips.frames[:, :, 0]) - clips.frames[:, :, -1]
        error = error.square().mean(1)
        return Scores(self.sharpness * error.mean((1, 2))[:, None], error[:, None])
'''
RECIPE = """\
plugins: [parts.py]
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 16, train_videos: 2}}
method: {{type: last-from-first, sharpness: 2.0}}
networks: {{net: {{kernel: 5}}}}
hooks: [{{type: checkpoint}}, {{type: metrics-log}}, {{type: count-steps}}]
"""


def test_third_party_parts_train_evaluate_and_infer(vadkit, tmp_path):
    (tmp_path / "parts.py").write_text(PLUGIN)
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(RECIPE.format(root=tmp_path / "scene"))
    code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs")
    assert code == 0, err
    run = Path(out.strip())
    # 2 videos of 14 clips, 3 whole batches of 8, 2 epochs.
    assert (run / "steps.txt").read_text() == "6"
    losses = [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert losses[1] < losses[0]
    assert (run / "plugins" / "parts.py").read_text() == PLUGIN

    code, out, err = vadkit(
        "list-components", "networks", "one-conv", "--plugin", tmp_path / "parts.py"
    )
    assert code == 0, err
    assert "A single convolution." in out
    assert "kernel  int  = 3" in out


def test_a_run_with_plugins_is_self_contained(tmp_path):
    """In a new process, with the plugin's first place gone."""
    import subprocess
    import sys

    (tmp_path / "parts.py").write_text(PLUGIN)
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(RECIPE.format(root=tmp_path / "scene"))
    command = [sys.executable, "-m", "vadkit"]
    done = subprocess.run(
        [*command, "train", str(recipe), "--runs", str(tmp_path / "runs")],
        capture_output=True,
        text=True,
        check=True,
    )
    (tmp_path / "parts.py").unlink()
    recipe.unlink()
    done = subprocess.run(
        [*command, "eval", done.stdout.strip(), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metrics"][0]["name"] == "micro-auc"


def test_a_plugin_that_fails_is_named_with_its_line(vadkit, tmp_path):
    (tmp_path / "bad.py").write_text("import vadkit\n\nraise ValueError('no luck')\n")
    code, _, err = vadkit("list-components", "networks", "--plugin", tmp_path / "bad.py")
    assert code == 5
    assert "bad.py:3: ValueError: no luck" in err
    (tmp_path / "twice.py").write_text(
        "import vadkit\n@vadkit.register('networks', 'unet')\ndef net(): ...\n"
    )
    code, _, err = vadkit("list-components", "networks", "--plugin", tmp_path / "twice.py")
    assert code == 5
    assert "'unet'" in err
    assert "twice.py is already registered by vadkit" in err
    assert vadkit("list-components", "networks", "--plugin", tmp_path / "none.py").code == 5
