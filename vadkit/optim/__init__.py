"""Optimizers, and schedulers as pure functions of the epoch."""

from __future__ import annotations

COMPONENTS: dict[str, dict[str, str]] = {
    "optimizers": {
        "adagrad": "vadkit.optim.optimizers:adagrad",
        "adam": "vadkit.optim.optimizers:adam",
        "adamax": "vadkit.optim.optimizers:adamax",
        "adamw": "vadkit.optim.optimizers:adamw",
        "sgd": "vadkit.optim.optimizers:sgd",
    },
    "schedulers": {
        "constant": "vadkit.optim.schedulers:constant",
        "step": "vadkit.optim.schedulers:step",
        "multistep": "vadkit.optim.schedulers:multistep",
        "cosine": "vadkit.optim.schedulers:cosine",
        "warmup-cosine": "vadkit.optim.schedulers:warmup_cosine",
        "warmup-multistep": "vadkit.optim.schedulers:warmup_multistep",
    },
}
