"""Trains tiny recipes in this process, one of several or alone, and saves what it learned.

``python trains_of_ranks.py FOLDER RECIPE...`` writes ``FOLDER/NAME.pt`` for each recipe, in the
first process: the means of the losses after each step, and the weights. All is computed in float64,
in which only errors are larger than rounding: some methods enlarge it a thousand times in a step.
"""

import sys
import tempfile
from pathlib import Path

import torch
from torchvision import ops

from vadkit.engine.distributed import joined
from vadkit.hooks.hook import Hook
from vadkit.recipe import load_recipe
from vadkit.workflows import trainer as workflow
from vadkit.workflows.build import build_clip
from vadkit.workflows.frames import load_extras, store_videos


class Losses(Hook):
    def __init__(self):
        self.seen = []

    def on_step_end(self, ctx):
        self.seen.append(ctx.means())


def trained(path, processes):
    recipe = load_recipe(path)
    with processes.in_turn():
        videos, held_out = workflow.training_videos(recipe)
        stored, _ = store_videos(recipe, videos)
        extras = load_extras(recipe, build_clip(recipe), videos, stored)
    with tempfile.TemporaryDirectory() as run:
        trainer = workflow.make_trainer(recipe, Path(run), stored, extras, held_out, (), processes)
        losses = Losses()
        trainer.hooks = [losses]
        trainer.fit()
        # The first process has collected, too: only the weights are equal everywhere.
        processes.wait()
    return {"losses": losses.seen, "weights": trainer.method.networks.state_dict()}


def compute_in_float64():
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double
    workflow.pick_precision = lambda *_: torch.float64
    align = ops.roi_align
    ops.roi_align = lambda frames, boxes, *more, **settings: align(
        frames, [one.double() for one in boxes], *more, **settings
    )


def main(folder, *recipes):
    torch.set_num_threads(1)
    compute_in_float64()
    with joined() as processes:
        for path in recipes:
            result = trained(path, processes)
            if processes.first:
                torch.save(result, Path(folder, Path(path).stem + ".pt"))


if __name__ == "__main__":
    main(*sys.argv[1:])
