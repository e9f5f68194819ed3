"""Every method keeps the contract, and the checks notice one that does not."""

import pytest
import torch

from vadkit import registry, testing
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Method, Scores


def small(role, width, lr, **more):
    """Recipe sections that train in seconds; other roles keep their rates."""
    frames = {"frames": more.pop("frames")} if "frames" in more else {}
    return {
        "clip": {"size": [32, 48], "channels": "gray", **frames},
        "networks": {role: {"width": width, **more}},
        "optimizers": {role: {"lr": lr}},
        "train": {"batch_size": 8},
    }


def of_features(of, features, density):
    """Recipe sections of features under a density."""
    method = {"type": "feature-density", "of": of, "grid": [2, 3], "folds": 2}
    return {
        "clip": {"size": [32, 48], "channels": "gray"},
        "method": {**method, "features": features, "density": density},
        "train": {"batch_size": 8},
    }


def of_rows(features, **params):
    return {"features": {"type": features, **params}}


SMALL = {
    "aed-mae": {
        **small("autoencoder", 32, 1e-3, patch=4, decoder_width=32, depth=1, decoder_depth=2),
        "clip": {"size": [16, 32], "channels": "gray"},
        "optimizers": {role: {"lr": 1e-3} for role in ("teacher", "student")},
        "train": {
            "batch_size": 8,
            "stages": [{"roles": ["teacher"], "share": 3}, {"roles": ["student"]}],
        },
    },
    "ai-vad": {"clip": {"size": [32, 48], "channels": "gray"}, "train": {"batch_size": 8}},
    "anopcn": {
        **small("predictor", 8, 3e-3),
        "networks": {role: {"width": 8} for role in ("predictor", "refiner", "discriminator")},
    },
    "amc": {
        **small("generator", 8, 2e-3),
        "networks": {"generator": {"width": 8}, "discriminator": {"width": 8}},
    },
    "conv-ae": small("autoencoder", 16, 1e-3, frames=6),
    "conv-lstm-ae": small("autoencoder", 16, 3e-3, frames=6),
    "feature-density": of_features(
        "objects", [{"type": "hog", "size": [16, 16]}, {"type": "flow-statistics"}], {"type": "knn"}
    ),
    "future-frame": {
        **small("generator", 8, 3e-3),
        "networks": {"generator": {"width": 8}, "discriminator": {"width": 8}},
    },
    "fusion": {
        "clip": {"size": [32, 48]},
        "method": {
            "type": "fusion",
            "parts": {
                "motion": {"type": "motion-field", "direction": True, "person": 8.0},
                "scene": {"type": "scene-bank", "bank": 64},
            },
        },
    },
    "ganomaly": {
        # So its codes tell turned squares apart with 19 seeds of 20; with large frames, by luck.
        **small("generator", 32, 1e-3),
        "clip": {"size": [16, 32], "channels": "gray"},
        "networks": {"generator": {"width": 32, "latent": 4}, "discriminator": {"width": 8}},
        "train": {"batch_size": 64},
    },
    "hf2-vad": {
        "clip": {"frames": 3, "size": [32, 48], "channels": "gray"},
        "networks": {"flow": {"width": 4, "slots": 10}, "frame": {"width": 4}},
        "optimizers": {role: {"lr": 1e-2} for role in ("flow", "frame", "both")},
        "train": {"batch_size": 8},
    },
    "jigsaw": {
        "clip": {"frames": 5, "size": [32, 48], "channels": "gray"},
        "method": {"type": "jigsaw", "side": 16},
        "networks": {"puzzle": {"width": 4, "hidden": 32, "dropout": 0.0}},
        "optimizers": {"puzzle": {"lr": 3e-3}},
        "train": {"batch_size": 16},
    },
    "memae": small("autoencoder", 12, 2e-3, frames=8, slots=50),
    "mnad": small("generator", 8, 2e-3),
    "mocodad": {
        **of_rows("poses", files=["poses.npz"]),
        "method": {"type": "mocodad", "samples": 4},
        "networks": {"denoiser": {"width": 8}},
        "optimizers": {"denoiser": {"lr": 3e-3}},
    },
    "motion-field": {
        "clip": {"size": [32, 48], "channels": "gray"},
        "method": {"type": "motion-field", "direction": True},
        "train": {"batch_size": 8},
    },
    "ocae": {
        "clip": {"size": [32, 48], "channels": "gray"},
        "method": {"type": "ocae", "clusters": 3},
        "networks": {role: {"width": 8} for role in ("before", "appearance", "after")},
        "train": {"batch_size": 8},
    },
    "place-features": {
        "clip": {"size": [64, 96]},
        "method": {"type": "place-features", "rows": 64, "bank": 64},
    },
    "scene-bank": {
        "clip": {"size": [32, 48], "frames": 4},
        "method": {"type": "scene-bank", "bank": 64},
    },
    "segment-density": of_rows("files", root="features"),
    "ssmtl": {
        "clip": {"frames": 7, "size": [32, 48], "channels": "gray"},
        "method": {"type": "ssmtl", "side": 16, "window": 5},
        "networks": {"pretext": {"width": 4}},
        "train": {"batch_size": 16},
    },
    "stae": small("autoencoder", 8, 2e-3, frames=16),
    "stg-nf": {
        **of_rows("poses", files=["poses.npz"]),
        "optimizers": {"flow": {"lr": 1e-2}},
        "train": {"batch_size": 16},
    },
    "vec": {
        "clip": {"frames": 3, "size": [32, 48], "channels": "gray"},
        "networks": {"frame": {"width": 4}, "flow": {"width": 4}},
        "train": {"batch_size": 8},
    },
    "track-flow": of_rows("tracks", files=["tracks.npz"], size=[480, 640]),
    "track-density": of_rows("tracks", files=["tracks.npz"], size=[480, 640]),
}


def test_every_method_is_checked():
    # Methods from video labels have their own test.
    assert SMALL.keys() == {
        name
        for name, component in registry.components("methods").items()
        if not component.target.startswith("vadkit.methods.weak.")
    }


@pytest.mark.parametrize("name", SMALL)
def test_every_method_keeps_the_contract(name):
    testing.check_method({"method": {"type": name}, **SMALL[name]})


@pytest.mark.parametrize(
    ("of", "density"),
    [
        ("cells", {"type": "knn", "coreset": 100}),
        ("cells", {"type": "mahalanobis"}),
        ("objects", {"type": "gmm"}),
        ("objects", {"type": "mulde", "width": 16, "steps": 200}),
        ("frame", {"type": "knn", "k": 3}),
    ],
)
def test_features_of_every_kind_keep_the_contract(of, density):
    testing.check_method(of_features(of, [{"type": "flow-statistics"}], density))


class Brightness(Method):
    """Scores each frame by its mean; what ``flaw`` names is wrong with it."""

    def __init__(self, flaw=""):
        super().__init__({}, {}, ClipSpec(4, (8, 8), "gray", (0, 1, 2, 3)))
        self.flaw = flaw
        self.register_buffer("calls", torch.zeros(()))

    def score(self, clips):
        scores = clips.frames.mean(dim=(1, 3, 4))
        if self.flaw == "fewer":
            scores = scores[:, 1:]
        if self.flaw == "infinite":
            scores = scores / 0
        if self.flaw == "batch":
            scores = scores - scores.mean()
        if self.flaw == "place":
            scores = scores + torch.arange(len(scores))[:, None]
        if self.flaw == "counts":
            self.calls += 1
        if self.flaw == "random":
            scores = scores + torch.rand_like(scores)
        if self.flaw == "mode":
            self.train()
        maps = clips.frames.mean(dim=1)
        return Scores(scores, maps.flatten(2) if self.flaw == "map" else maps)


def test_a_correct_method_passes():
    method = Brightness().eval()
    testing.check_scores(method)
    testing.check_scoring_changes_nothing(method)
    testing.check_state(method, Brightness())
    testing.check_bfloat16(method)


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("fewer", r"frames are \(5, 3\), not \(5, 4\)"),
        ("infinite", "a score is infinite"),
        ("batch", "depends on the batch"),
        ("place", "depends on the batch"),
        ("map", "maps are"),
    ],
)
def test_wrong_scores_are_noticed(flaw, message):
    with pytest.raises(AssertionError, match=message):
        testing.check_scores(Brightness(flaw))


@pytest.mark.parametrize(
    ("flaw", "message"),
    [("counts", "changed calls"), ("random", "gives other scores"), ("mode", "training mode")],
)
def test_scoring_that_changes_something_is_noticed(flaw, message):
    with pytest.raises(AssertionError, match=message):
        testing.check_scoring_changes_nothing(Brightness(flaw).eval())


def test_state_that_is_not_saved_is_noticed():
    class Scaled(Brightness):
        scale = 1.0

        def score(self, clips):
            return Scores(super().score(clips).frames * self.scale)

    learned = Scaled()
    learned.scale = 2.0
    with pytest.raises(AssertionError, match="state_dict lacks something"):
        testing.check_state(learned, Scaled())


def test_a_method_that_sees_no_motion_fails():
    with pytest.raises(AssertionError, match="a planted anomaly scores"):
        testing.check_learns(Brightness())
