"""Plots of the scores of test videos."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from vadkit.errors import RecipeError
from vadkit.hooks.hook import FitContext
from vadkit.hooks.pictures import PictureHook
from vadkit.text import video_file


class ScorePlot(PictureHook):
    """Plots the raw scores of test videos in ``score-plots/epoch-0003/<video>.png``.

    There is one plot per video after each evaluation, with abnormal frames shaded. If there are
    more than ``most`` videos, evenly spaced ones are plotted. Raises ``RecipeError`` without the
    hook ``evaluate``.
    """

    name: ClassVar[str] = "score-plots"

    def __init__(self, *, most: Annotated[int, Field(ge=1)] = 12) -> None:
        super().__init__()
        self.most = most

    def on_fit_start(self, ctx: FitContext) -> None:
        if "test" not in ctx.evaluates:
            raise RecipeError(
                "hooks.score-plot: no test video is evaluated during training; add the hook "
                "{type: evaluate}, or remove this one"
            )
        super().on_fit_start(ctx)

    def on_evaluated(self, ctx: FitContext) -> None:
        if ctx.evaluated_on != "test":
            return
        import numpy as np

        from vadkit.reports.score_plot import score_plot

        videos = list(ctx.scores)
        chosen = np.linspace(0, len(videos) - 1, min(self.most, len(videos))).astype(int)
        folder = ctx.run / "score-plots" / f"epoch-{ctx.epoch:04d}"
        for video in [videos[number] for number in chosen]:
            scores = ctx.scores[video]
            path = score_plot(
                video_file(folder, video, ".png"),
                scores,
                scores,
                title=f"{video}, epoch {ctx.epoch}",
                labels=ctx.labels[video],
            )
            self.show(ctx, video, path)
