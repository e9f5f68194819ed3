"""Densities: fitted on rows of numbers, they measure how rare another row is."""

from __future__ import annotations

COMPONENTS: dict[str, dict[str, str]] = {
    "densities": {
        "above-nearby": "vadkit.densities.above_nearby:AboveNearby",
        "gmm": "vadkit.densities.gmm:Gmm",
        "knn": "vadkit.densities.knn:Knn",
        "mahalanobis": "vadkit.densities.mahalanobis:Mahalanobis",
        "real-nvp": "vadkit.densities.real_nvp:RealNvp",
        "mulde": "vadkit.densities.mulde:Mulde",
    },
}
