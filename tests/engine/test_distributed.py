"""Several processes train what one process trains, on the CPU with gloo."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from vadkit.registry import components, find
from vadkit.workflows.launch import environments

SGD = {"type": "sgd", "lr": 0.01, "momentum": 0.9}
# What makes each method tiny. Networks with batch normalisation have biases without a gradient,
# whose rounding errors Adam would enlarge to whole steps; so all learn by SGD.
TINY = {
    "aed-mae": {
        "networks": {
            "autoencoder": {
                "patch": 8,
                "width": 8,
                "depth": 1,
                "decoder_width": 8,
                "decoder_depth": 2,
                "heads": 2,
            }
        }
    },
    "amc": {"networks": {"generator": {"width": 4}, "discriminator": {"width": 4}}},
    "anopcn": {
        "networks": {role: {"width": 4} for role in ("predictor", "refiner", "discriminator")}
    },
    "conv-ae": {"clip": {"frames": 4}, "networks": {"autoencoder": {"width": 8}}},
    "conv-lstm-ae": {"clip": {"frames": 4}, "networks": {"autoencoder": {"width": 8}}},
    "future-frame": {"networks": {"generator": {"width": 4}, "discriminator": {"width": 4}}},
    "ganomaly": {
        "networks": {"generator": {"width": 4, "latent": 8}, "discriminator": {"width": 4}}
    },
    "memae": {"clip": {"frames": 8}, "networks": {"autoencoder": {"width": 6, "slots": 20}}},
    "mnad": {"networks": {"generator": {"width": 4}}},
    "ocae": {
        "method": {"clusters": 2},
        "networks": {r: {"width": 4} for r in ("before", "appearance", "after")},
    },
    "stae": {"clip": {"frames": 16}, "networks": {"autoencoder": {"width": 4, "mean_image": True}}},
}
# Every process takes the whole batch: bags of segments, cubes of objects, sequences of poses.
WHOLE = {
    "bn-wvad", "deep-mil", "hf2-vad", "jigsaw", "mgfn", "mocodad", "pel4vad", "rtfm", "s3r",
    "ssmtl", "stg-nf", "top-k", "ur-dmu", "vadclip", "vec",
}  # fmt: skip
FLIP = [{"type": "tensor-flip"}, {"type": "tensor-noise"}]
WGAN = {"adversarial": {"type": "wgan-gp"}, "discriminator": {"type": "wgan-gp-discriminator"}}
# Name: (method, other settings).
CASES = {name: (name, {}) for name in TINY} | {
    "augments": ("future-frame", {"augments": FLIP, "losses": WGAN}),
    "imgaug": (
        "conv-ae",
        # One process that augments for each one that trains: it takes seconds to start.
        {"augments": [{"type": "fliplr"}, {"type": "rotate"}], "data": {"workers": 1}},
    ),
    "windows": ("mnad", {"train": {"accumulate": 2, "clip_grad_norm": 0.1}}),
    # Batches made by hand, of which a part has no object; see trains_of_ranks.py.
    "objects": ("ocae", {}),
    "adam": ("conv-ae", {"optimizers": {"autoencoder": {"type": "adam", "lr": 1e-3}}}),
}


def merged(one, other):
    if not (isinstance(one, dict) and isinstance(other, dict)) or "type" in other:
        return other
    return one | {key: merged(one.get(key, {}), value) for key, value in other.items()}


def recipe_of(case, root):
    name, more = CASES[case]
    method = find("methods", name).load()
    recipe = {
        "name": case,
        "dataset": {
            "type": "synthetic",
            "root": str(root),
            "size": [48, 64],
            "frames": 24,
            "train_videos": 1,
        },
        "clip": {"size": [48, 64]},
        "method": {"type": name},
        "optimizers": dict.fromkeys(method.defaults["optimizers"], SGD),
        "train": {"epochs": 2, "batch_size": 4, "max_steps": 4},
        "hooks": [],
    }
    return merged(merged(recipe, TINY[name]), more)


def test_every_method_that_takes_gradients_is_here():
    known = {
        name
        for name in components("methods")
        if find("methods", name).load().defaults.get("optimizers")
    }
    assert known == set(TINY) | WHOLE


def start(folder, recipes, environment):
    folder.mkdir(exist_ok=True)
    script = Path(__file__).with_name("trains_of_ranks.py")
    command = [sys.executable, str(script), str(folder), *map(str, recipes)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What one process and what two processes learned, by case."""
    folder = tmp_path_factory.mktemp("ranks")
    recipes = []
    for case in CASES:
        recipes.append(folder / f"{case}.yaml")
        recipes[-1].write_text(yaml.safe_dump(recipe_of(case, folder / "scene")))
    # One after the other: the second ones find videos and stored frames.
    both = list(environments(2, folder / "store"))
    for kind, each in (("one", [dict(os.environ)]), ("two", both)):
        started = [start(folder / kind, recipes, one) for one in each]
        errors = [one.communicate()[1] for one in started]
        assert [one.returncode for one in started] == [0] * len(started), errors
    return {
        case: [torch.load(folder / kind / f"{case}.pt") for kind in ("one", "two")]
        for case in CASES
    }


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_two_processes_learn_what_one_learns(case, results):
    one, two = results[case]
    assert len(one["losses"]) == len(two["losses"]) >= 4
    for step, (wanted, found) in enumerate(zip(one["losses"], two["losses"], strict=True)):
        assert found == pytest.approx(wanted, rel=1e-9), step
    for name, wanted in one["weights"].items():
        torch.testing.assert_close(two["weights"][name], wanted, rtol=1e-8, atol=1e-10, msg=name)
