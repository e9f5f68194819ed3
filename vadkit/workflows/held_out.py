"""Train configurations of a recipe on all videos but a few, and test them on these."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vadkit.recipe import Recipe, Spec
from vadkit.registry import find
from vadkit.workflows.build import build_clip, load_videos
from vadkit.workflows.frames import load_extras, store_videos, storing
from vadkit.workflows.initial import start_from
from vadkit.workflows.levels import with_levels
from vadkit.workflows.pseudo import hold_out, pseudo_evaluator, pseudo_test
from vadkit.workflows.trainer import make_trainer

if TYPE_CHECKING:
    from vadkit.data.clips.extras import Extras
    from vadkit.data.videos import FrameReader
    from vadkit.methods.method import Method
    from vadkit.workflows.pseudo import PseudoTest


class HeldOut:
    """Fits configurations of a recipe and tests each on pseudo-anomalies.

    Frames, optical flow and synthetic clips are reused between configurations.
    """

    def __init__(self, recipe: Recipe) -> None:
        videos = load_videos(recipe, "train")
        evaluator = pseudo_evaluator(recipe) or pseudo_evaluator(_asking(recipe))
        assert evaluator is not None
        self.evaluator = evaluator
        self.rest, self.held = hold_out(videos, self.evaluator)
        self._stored: dict[str, tuple[list[FrameReader], list[Extras]]] = {}
        self._tests: dict[str, PseudoTest] = {}

    def fit(self, recipe: Recipe) -> Method:
        """Train the recipe's method on all videos except the held-out ones."""
        recipe = with_levels(recipe, self.rest)
        recipe = storing(recipe)
        key = _of_frames(recipe)
        if key not in self._stored:
            stored, _ = store_videos(recipe, self.rest)
            self._stored[key] = stored, load_extras(recipe, build_clip(recipe), self.rest, stored)
        stored, extras = self._stored[key]
        with tempfile.TemporaryDirectory(prefix="vadkit-tune-") as folder:
            hooks = _needed_hooks(recipe)
            if not recipe.optimizers:
                # It prints nothing about a short fit.
                hooks.append(Spec(type="progress"))
            quiet = recipe.model_copy(update={"hooks": hooks})
            trainer = make_trainer(quiet, Path(folder), stored, extras, self.held)
            if recipe.train.init is not None:
                start_from(trainer.method, recipe)
            trainer.fit()
        return trainer.method.eval()

    def prepared(self, recipe: Recipe) -> PseudoTest:
        """Return the test of the recipe's method on the held-out videos."""
        recipe = with_levels(recipe, self.rest)
        key = _of_frames(recipe)
        if key not in self._tests:
            self._tests[key] = pseudo_test(recipe, self.evaluator, self.held)
        return replace(self._tests[key], recipe=recipe)

    def test(self, recipe: Recipe, method: Method) -> dict[str, float]:
        """Evaluate the method on the held-out videos."""
        return {metric.name: metric.value for metric in self.prepared(recipe)(method)}


def _asking(recipe: Recipe) -> Recipe:
    evaluators = [*recipe.evaluators, Spec(type="pseudo-anomaly")]
    return recipe.model_copy(update={"evaluators": evaluators})


def _needed_hooks(recipe: Recipe) -> list[Spec]:
    """Return the hooks that affect training; hooks that write or report are left out."""
    return [
        spec
        for spec in recipe.hooks
        if getattr(find("hooks", spec.type).load(), "slot", None) in ("measure", "update")
        or spec.params.get("on") == "pseudo-anomaly"
    ]


def _of_frames(recipe: Recipe) -> str:
    """Return what frames, flow, boxes and synthetic clips depend on, as text."""
    data = recipe.as_data()
    names = ("dataset", "clip", "data", "flow", "objects", "plugins")
    method = find("methods", recipe.method.type).load()
    return json.dumps([str(method), *(data[name] for name in names)], sort_keys=True)
