"""A scorer and a hook, written for the version of 2026-11-26."""

import vadkit
from vadkit.hooks.hook import Hook


@vadkit.register("scorers", "halved")
class Halved:
    """Half of every score."""

    causal = True
    keeps_unit = False
    label = "halved"

    def __call__(self, scores):
        return {video: values / 2 for video, values in scores.items()}

    def stream(self):
        return lambda score: score / 2


@vadkit.register("hooks", "count-steps")
class CountSteps(Hook):
    """Counts steps."""

    def __init__(self):
        self.steps = 0

    def on_step_end(self, ctx):
        self.steps += 1
