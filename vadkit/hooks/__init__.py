"""Hooks: code that runs around the training loop, each in a defined slot."""

from __future__ import annotations

COMPONENTS: dict[str, dict[str, str]] = {
    "hooks": {
        "progress": "vadkit.hooks.progress:Progress",
        "metrics-log": "vadkit.hooks.metrics_log:MetricsLog",
        "tensorboard": "vadkit.hooks.tensorboard:TensorBoard",
        "wandb": "vadkit.hooks.wandb:WeightsAndBiases",
        "mlflow": "vadkit.hooks.mlflow:MLflow",
        "checkpoint": "vadkit.hooks.checkpoint:Checkpoint",
        "evaluate": "vadkit.hooks.evaluate:Evaluate",
        "early-stop": "vadkit.hooks.early_stop:EarlyStop",
        "lr-monitor": "vadkit.hooks.monitors:LrMonitor",
        "timing": "vadkit.hooks.monitors:Timing",
        "gradients": "vadkit.hooks.gradients:Gradients",
        "ema": "vadkit.hooks.ema:Ema",
        "visualise": "vadkit.hooks.visualise:Visualise",
        "score-plot": "vadkit.hooks.score_plot:ScorePlot",
        "embedding": "vadkit.hooks.embedding:Embedding",
        "cluster": "vadkit.hooks.cluster:Cluster",
    },
}
