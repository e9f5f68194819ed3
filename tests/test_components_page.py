"""The code of the pages on own components: all of it in one plugin file, in a small run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from vadkit import plugins, registry

DOCS = Path(__file__).parents[1] / "docs"
PAGE = "\n".join(
    (DOCS / name).read_text() for name in ("components.md", "hooks-datasets-scorers.md")
)
PYTHON = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
YAML = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PARTS = "\n\n".join(block for block in PYTHON if "vadkit.register" in block)


@pytest.fixture
def parts(tmp_path):
    path = tmp_path / "my_parts.py"
    path.write_text(PARTS)
    return path


@pytest.fixture
def data(tmp_path):
    """A folder in the layout of the page's data set."""
    from vadkit.data.datasets.synthetic import Synthetic

    scene = Synthetic(
        root=tmp_path / "scene", train_videos=1, test_videos=2, frames=24, size=(32, 48)
    )
    labels = {}
    for split in ("train", "test"):
        (tmp_path / "data" / split).mkdir(parents=True)
        for video in scene.videos(split):
            video.path.rename(tmp_path / "data" / split / video.path.name)
            if video.labels is not None:
                labels[video.id] = [[int(np.flatnonzero(video.labels(24))[0]), 24]]
    (tmp_path / "data" / "labels.json").write_text(json.dumps(labels))
    return tmp_path / "data"


def slow_fall(values, fall):
    final, level = [], -np.inf
    for value in values:
        level = max(value, level - fall) if np.isfinite(value) else level - fall
        final.append(level if np.isfinite(value) else np.nan)
    return np.array(final)


@pytest.mark.slow
def test_the_recipe_of_the_page_trains_and_evaluates(vadkit, parts, data, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(YAML[-1])
    small = ["clip.size=[32, 48]", "train.epochs=2", f"dataset.root={data}"]
    settings = [part for setting in small for part in ("--set", setting)]
    code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs", *settings)
    assert code == 0, err
    run = Path(out.strip())
    seconds = [float(line) for line in (run / "epoch-times.txt").read_text().splitlines()]
    assert len(seconds) == 2 and min(seconds) > 0
    code, out, err = vadkit("eval", run, "--json")
    assert code == 0, err
    evaluation = json.loads(out)
    assert evaluation["label_source"] == "labels.json"
    assert evaluation["protocols"][-1]["steps"] == "slow-fall(fall=0.05)"
    code, _, err = vadkit(
        "infer", run, data / "test" / "01.mp4", "--out", tmp_path / "out", "--sink", "jsonl"
    )
    assert code == 0, err
    (file,) = (tmp_path / "out").rglob("*.jsonl")
    streamed = [json.loads(line)["score"] for line in file.read_text().splitlines()]
    raw = np.load(run / "scores" / "test" / "01.npz")["scores"]
    expected = slow_fall(raw, 0.05)
    np.testing.assert_allclose(np.array(streamed, float), expected, rtol=1e-5)


def test_the_scorer_is_the_same_in_batches_and_in_streams(parts):
    plugins.load_plugin(parts)
    scorer = registry.build("scorers", "slow-fall", {"fall": 0.5})
    values = np.array([np.nan, 3, 1, np.nan, 1, 4, -5])
    expected = [np.nan, 3, 2.5, np.nan, 1.5, 4, 3.5]
    np.testing.assert_allclose(scorer({"a": values})["a"], expected)
    step = scorer.stream()
    np.testing.assert_allclose([step(value) for value in values], expected)


def test_the_data_set_gives_labels_and_errors_of_one_line(vadkit, parts, data, tmp_path):
    plugins.load_plugin(parts)
    first, second = registry.build("datasets", "two-folders", {"root": str(data)}).videos("test")
    assert (first.id, second.id) == ("01", "02")
    assert first.labels(24)[-1] and not first.labels(24)[0]
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(YAML[-1])
    code, _, err = vadkit("train", recipe, "--set", f"dataset.root={tmp_path}")
    assert code == 3
    assert "has no .mp4 files; set dataset.root" in err


def test_the_hook_keeps_its_seconds_in_its_state(parts):
    plugins.load_plugin(parts)
    hook = registry.build("hooks", "epoch-times", {})
    hook.load_state_dict({"seconds": [1.5]})
    assert hook.state_dict() == {"seconds": [1.5]}


@pytest.mark.slow
def test_the_method_passes_the_check_of_the_page(parts, monkeypatch):
    monkeypatch.chdir(parts.parent)
    (block,) = (block for block in PYTHON if "check_method" in block)
    scope: dict[str, object] = {}
    exec(block.replace('"frames": 6}', '"frames": 6}, "networks": {"net": {"width": 8}}'), scope)
    scope["test_next_frame"]()


def test_every_event_of_hooks_is_on_the_page():
    from vadkit.hooks.hook import EVENTS, SLOTS

    assert [event for event in EVENTS if f"`{event}" not in PAGE] == []
    assert ", ".join(f"`{slot}`" for slot in SLOTS) in PAGE.replace("\n", " ")


def test_every_family_is_on_the_page():
    assert [family for family in registry.FAMILIES if f"| `{family}` |" not in PAGE] == []
