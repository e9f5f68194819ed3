"""Everything that PyAnomaly (2020) offered has a counterpart, by name, in the registry."""

import pytest

from vadkit import registry

PYANOMALY = {
    "methods": {
        "STAE": "stae",
        "MemAE": "memae",
        "AnoPred": "future-frame",
        "AnoPCN": "anopcn",
        "AMC": "amc",
        "OCAE": "ocae",
    },
    "networks": {
        "STAE": "stae",
        "MemAE": "memae",
        "AnoPred's generator": "unet",
        "pixel discriminator": "patch-gan",
        "predictive coding": "predictive-coding",
        "AMC's generator": "amc",
        "OCAE's auto-encoders": "object-ae",
    },
    "losses": {
        "L1": "l1",
        "L2": "mse",
        "intensity": "intensity",
        "gradient": "gradient",
        "flow": "flow-l1",
        "weighted prediction": "weighted-prediction",
        "adversarial, LSGAN": "lsgan",
        "adversarial, vanilla": "vanilla",
        "adversarial, WGAN-GP": "wgan-gp",
        "discriminator, LSGAN": "lsgan-discriminator",
        "discriminator, vanilla": "vanilla-discriminator",
        "discriminator, WGAN-GP": "wgan-gp-discriminator",
        "memory entropy": "entropy",
        "cross-entropy": "cross-entropy",
    },
    "optimizers": {"Adam": "adam", "SGD": "sgd"},
    "schedulers": {
        "step": "step",
        "multistep": "multistep",
        "cosine": "cosine",
        "warm-up cosine": "warmup-cosine",
        "warm-up multistep": "warmup-multistep",
    },
    "augments": {
        "resize": "resize",
        "flip left-right": "fliplr",
        "flip up-down": "flipud",
        "rotate": "rotate",
        "JPEG": "jpeg",
        "blur": "blur",
        "crop": "crop",
        "grayscale": "grayscale",
    },
    "datasets": {"Avenue": "avenue", "Ped1 and Ped2": "ucsd", "ShanghaiTech": "shanghaitech"},
    "hooks": {
        "evaluate while training": "evaluate",
        "cluster": "cluster",
        "score plots": "score-plot",
        "t-SNE": "embedding",
        "TensorBoard": "tensorboard",
    },
    "evaluators": {"AUC, EER, PR-AUC": "frame-auc", "PSNR statistics": "score-statistics"},
}


@pytest.mark.parametrize("family", PYANOMALY)
def test_every_part_has_a_counterpart_that_loads(family):
    found = registry.components(family)
    missing = {old: new for old, new in PYANOMALY[family].items() if new not in found}
    assert not missing
    for name in PYANOMALY[family].values():
        assert callable(registry.find(family, name).load())
