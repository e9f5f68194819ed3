"""Trains tiny recipes in this process, one of several or alone, and saves what it learned.

``python trains_of_ranks.py FOLDER RECIPE...`` writes ``FOLDER/NAME.pt`` for each recipe, in the
first process: the means of the losses after each step, and the weights. All is computed in float64,
in which only errors are larger than rounding: some methods enlarge it a thousand times in a step.
"""

import os
import sys
import tempfile
from pathlib import Path

import torch
from torchvision import ops

from vadkit.data.tensors import Clips
from vadkit.engine.distributed import joined
from vadkit.engine.step import TrainStep
from vadkit.hooks.hook import Hook
from vadkit.recipe import load_recipe
from vadkit.workflows import trainer as workflow
from vadkit.workflows.build import build_clip, build_method, build_optimizers
from vadkit.workflows.frames import load_extras, store_videos
from vadkit.workflows.processes import share_networks


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


def trained_on_objects(path, processes):
    """Take steps on batches with objects in both halves, in one, and in none."""
    recipe = load_recipe(path)
    torch.manual_seed(0)
    method = build_method(recipe, torch.device("cpu"))
    if processes.several:
        share_networks(method)
    step = TrainStep(
        method,
        build_optimizers(recipe, method),
        device=torch.device("cpu"),
        dtype=torch.float64,
        processes=processes,
    )
    size = 4 // processes.part.of
    own = slice(processes.part.number * size, (processes.part.number + 1) * size)
    losses = []
    for counts in ((3, 1, 0, 1), (2, 1, 0, 0), (0, 0, 0, 0), (0, 0, 1, 0)):
        frames = torch.rand(4, method.clip.planes, method.clip.frames, 48, 64)
        boxes = [torch.rand(count, 4) * 20 + torch.tensor([0, 0, 25, 25]) for count in counts]
        values = step(Clips(frames[own], None, boxes[own]))
        losses.append({name: float(value) for name, value in values.terms.items()})
    return {"losses": losses, "weights": method.networks.state_dict()}


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
            objects = Path(path).stem == "objects"
            result = (trained_on_objects if objects else trained)(path, processes)
            if processes.first:
                torch.save(result, Path(folder, Path(path).stem + ".pt"))


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    # See `vadkit.cli.main`.
    os._exit(0)
