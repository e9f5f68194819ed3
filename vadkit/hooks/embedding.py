"""Scatter plots of features."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from vadkit.errors import RecipeError
from vadkit.hooks.features import sample_features
from vadkit.hooks.hook import FitContext
from vadkit.hooks.pictures import PictureHook


class Embedding(PictureHook):
    """Plots the method's features of training clips, by video: ``embedding/epoch-0003.png``.

    Every ``every`` epochs and at the end, the features (``Method.embed``) of the same ``clips``
    clips are projected to two dimensions, by principal components (``pca``) or by t-SNE (van der
    Maaten, JMLR 2008), which preserves only neighbourhoods. TensorBoard's projector gets the
    unprojected features. Raises ``RecipeError`` for a method without features.
    """

    name: ClassVar[str] = "embedding"

    def __init__(
        self,
        *,
        every: Annotated[int, Field(ge=1)] = 1,
        clips: Annotated[int, Field(ge=4)] = 512,
        projection: Literal["pca", "tsne"] = "pca",
    ) -> None:
        super().__init__()
        self.every = every
        self.clips = clips
        self.projection = projection

    def on_fit_start(self, ctx: FitContext) -> None:
        # Find out that a method has no features before it has trained for long.
        sample_features(ctx, 1, "embedding")
        super().on_fit_start(ctx)

    def on_epoch_end(self, ctx: FitContext) -> None:
        if ctx.epoch % self.every == 0 and not ctx.ending:
            self._draw(ctx)

    def on_fit_end(self, ctx: FitContext) -> None:
        self._draw(ctx)

    def _draw(self, ctx: FitContext) -> None:
        from vadkit.reports.embedding_plot import embedding_plot

        features, places = sample_features(ctx, self.clips, "embedding")
        if len(features) < 4 or features.shape[1] < 2:
            raise RecipeError(
                "hooks.embedding needs at least 4 rows of 2 features; there are "
                f"{len(features)} of {features.shape[1]}; increase clips, or remove the hook"
            )
        points, axes = _project(features, self.projection)
        path = embedding_plot(
            ctx.run / "embedding" / f"epoch-{ctx.epoch:04d}.png",
            points,
            [video for video, _ in places],
            axes=axes,
            title=f"{ctx.name}, epoch {ctx.epoch}",
        )
        self.show(ctx, "embedding", path)
        if self.board is not None:
            rows = [[video, str(first)] for video, first in places]
            header = ["video", "first frame"]
            self.board.add_embedding(features, rows, None, ctx.step, "features", header)


def _project(features: np.ndarray, projection: str) -> tuple[np.ndarray, tuple[str, str]]:
    """Return points (N, 2) and the names of the axes."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    if projection == "tsne":
        # t-SNE needs more points than neighbours per point.
        perplexity = min(30.0, (len(features) - 1) / 3)
        tsne = TSNE(2, perplexity=perplexity, init="random", random_state=0)
        return tsne.fit_transform(features), ("t-SNE 1", "t-SNE 2")
    pca = PCA(2, random_state=0)
    points = pca.fit_transform(features)
    first, second = np.nan_to_num(pca.explained_variance_ratio_)
    return points, (
        f"first principal component ({first:.0%} of variance)",
        f"second principal component ({second:.0%})",
    )
