"""Losses: callables on tensors that return one scalar."""

from __future__ import annotations

COMPONENTS: dict[str, dict[str, str]] = {
    "losses": {
        "mse": "vadkit.losses.pixel:MSE",
        "l1": "vadkit.losses.pixel:L1",
        "intensity": "vadkit.losses.pixel:Intensity",
        "gradient": "vadkit.losses.pixel:Gradient",
        "weighted-prediction": "vadkit.losses.pixel:WeightedPrediction",
        "flow-l1": "vadkit.losses.flow:FlowL1",
        "cross-entropy": "vadkit.losses.classes:CrossEntropy",
        "bag-ranking": "vadkit.losses.bags:BagRanking",
        "bag-top-k": "vadkit.losses.bags:BagTopK",
        "sparsity": "vadkit.losses.bags:Sparsity",
        "smoothness": "vadkit.losses.bags:Smoothness",
        "entropy": "vadkit.losses.memory:Entropy",
        "gaussian-kl": "vadkit.losses.gaussian:GaussianKL",
        "compactness": "vadkit.losses.memory:Compactness",
        "separateness": "vadkit.losses.memory:Separateness",
        "lsgan": "vadkit.losses.adversarial:LeastSquaresGenerator",
        "lsgan-discriminator": "vadkit.losses.adversarial:LeastSquaresDiscriminator",
        "vanilla": "vadkit.losses.adversarial:VanillaGenerator",
        "vanilla-discriminator": "vadkit.losses.adversarial:VanillaDiscriminator",
        "wgan-gp": "vadkit.losses.adversarial:WassersteinGenerator",
        "wgan-gp-discriminator": "vadkit.losses.adversarial:WassersteinDiscriminator",
    },
}
