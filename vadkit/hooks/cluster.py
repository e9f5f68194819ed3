"""Clusters of features."""

from __future__ import annotations

import math
import warnings
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from vadkit.errors import RecipeError
from vadkit.hooks.features import sample_features
from vadkit.hooks.hook import FitContext, Hook, Slot


class Cluster(Hook):
    """Clusters the method's features with k-means and writes ``clusters/epoch-0003.json``.

    Every ``every`` epochs, the features (``Method.embed``) of the same ``clips`` training clips are
    clustered. Logs ``cluster/inertia``, the sum of squared distances to the nearest centre;
    ``cluster/silhouette``, from -1 to 1, higher for better separated clusters (Rousseeuw, 1987);
    and ``cluster/smallest``, the size of the smallest cluster. For each cluster, largest first, the
    file has its size and the ``nearest`` rows to its centre. For a method without gradients, there
    is one file, from the end of training. Raises ``RecipeError`` for a method without features.

    The clusters are for inspection only; no method learns from them. A PyAnomaly hook of the same
    name fits the clusters and the support vector machines of OCAE; here, ``ocae`` fits its own in
    ``finalize``.
    """

    slot: ClassVar[Slot] = "measure"

    def __init__(
        self,
        *,
        every: Annotated[int, Field(ge=1)] = 1,
        clusters: Annotated[int, Field(ge=2)] = 10,
        clips: Annotated[int, Field(ge=3)] = 512,
        nearest: Annotated[int, Field(ge=1)] = 5,
    ) -> None:
        self.every = every
        self.clusters = clusters
        self.clips = clips
        self.nearest = nearest

    def on_fit_start(self, ctx: FitContext) -> None:
        # Find out that a method has no features before it has trained for long.
        sample_features(ctx, 1, "cluster")

    def on_epoch_end(self, ctx: FitContext) -> None:
        if ctx.epoch % self.every == 0:
            figures = self._cluster(ctx)
            ctx.logs |= {f"cluster/{name}": value for name, value in figures.items()}

    def on_fit_end(self, ctx: FitContext) -> None:
        if ctx.epochs == 0:
            self._cluster(ctx)

    def _cluster(self, ctx: FitContext) -> dict[str, float]:
        """Write the file and return the metrics."""
        from vadkit.files import write_json

        features, places = sample_features(ctx, self.clips, "cluster")
        if len(features) <= self.clusters:
            raise RecipeError(
                f"hooks.cluster: {len(features)} rows of features are too few for {self.clusters} "
                "clusters; increase clips or decrease clusters"
            )
        figures, members, distances = _k_means(features, self.clusters)
        clusters: list[dict[str, Any]] = []
        for number in np.argsort(-np.bincount(members), kind="stable").tolist():
            own = np.flatnonzero(members == number)
            closest = own[np.argsort(distances[own], kind="stable")][: self.nearest]
            nearest = [
                {
                    "video": places[row][0],
                    "first_frame": places[row][1],
                    "distance": float(distances[row]),
                }
                for row in closest.tolist()
            ]
            clusters.append({"size": len(own), "nearest": nearest})
        # JSON has no NaN.
        written = {name: None if math.isnan(value) else value for name, value in figures.items()}
        path = ctx.run / "clusters" / f"epoch-{ctx.epoch:04d}.json"
        write_json(path, {"epoch": ctx.epoch, **written, "clusters": clusters})
        return figures


def _k_means(
    features: np.ndarray, clusters: int
) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    """Return metrics of the clusters, and each row's cluster and distance to its centre, (N,)."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import silhouette_score

    with warnings.catch_warnings():
        # There may be fewer distinct rows than clusters; the metrics show this.
        warnings.simplefilter("ignore", ConvergenceWarning)
        k_means = KMeans(clusters, n_init=4, random_state=0).fit(features)
    _, members, sizes = np.unique(k_means.labels_, return_inverse=True, return_counts=True)
    distances = np.linalg.norm(features - k_means.cluster_centers_[k_means.labels_], axis=1)
    figures = {
        "inertia": float(k_means.inertia_),
        "silhouette": float(silhouette_score(features, members)) if len(sizes) > 1 else math.nan,
        "smallest": float(sizes.min()),
    }
    return figures, members, distances
