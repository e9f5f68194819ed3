"""A small method, a loader that gives samples, and a trainer around them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.engine.trainer import Trainer
from vadkit.methods.method import Method, Scores, Update
from vadkit.recipe.model import Train

SPEC = ClipSpec(3, (16, 24), "gray", (1,), step=2, range=(-1.0, 1.0))


class Predicts(Method):
    """Predicts the middle frame from the first; its features are the clips' corner pixels."""

    def __init__(self):
        super().__init__({"net": nn.Sequential(nn.Conv2d(1, 1, 3, padding=1))}, {}, SPEC)
        self.register_buffer("seen", torch.zeros(()))

    def predict(self, clips):
        return self.networks["net"](clips.frames[:, :, 0])

    def updates(self, clips):
        self.seen += 1
        yield Update(
            "net", lambda: {"error": (self.predict(clips) - clips.frames[:, :, 1]).square().mean()}
        )

    def embed(self, clips):
        return clips.frames[:, 0, 0, 0, :2]

    @torch.no_grad()
    def score(self, clips):
        output = self.predict(clips)
        maps = (output - clips.frames[:, :, 1]).square()
        return Scores(maps.mean(dim=(2, 3)), maps, output[:, None])


class Batches:
    """Random clips, a function of the epoch; samples with a number in each corner pixel."""

    def __init__(self, count=4, size=2, corners=None):
        self.count, self.size = count, size
        self.corners = np.zeros((12, 2)) if corners is None else np.asarray(corners)

    def __len__(self):
        return self.count

    def _clips(self, seed, count):
        rng = np.random.default_rng(seed)
        return torch.from_numpy(rng.uniform(-1, 1, (count, 1, 3, 16, 24)).astype(np.float32))

    def batches(self, epoch, start=0):
        for batch in range(start, self.count):
            yield Clips(self._clips([epoch, batch], self.size))

    def sample(self, count):
        count = min(count, len(self.corners))
        frames = self._clips(0, count)
        frames[:, 0, 0, 0, :2] = torch.from_numpy(self.corners[:count])
        places = [("ab"[number % 2], number) for number in range(count)]
        for first in range(0, count, 5):
            yield Clips(frames[first : first + 5]), places[first : first + 5]


@pytest.fixture
def make_trainer(tmp_path):
    """A function that makes a trainer with these hooks, of a kind of method."""

    def make(
        *hooks, method=Predicts, loader=None, run="run", evaluate=None, optimizers=None, **settings
    ):
        torch.manual_seed(0)
        method = method()
        settings = {"epochs": 2, "batch_size": 2, **settings}
        if optimizers is None:
            parameters = method.networks["net"].parameters()
            optimizers = {"net": torch.optim.Adam(parameters, 1e-2)}
        return Trainer(
            method,
            loader or Batches(),
            name="test",
            run=tmp_path / run,
            settings=Train(**settings),
            device=torch.device("cpu"),
            dtype=torch.float32,
            optimizers=optimizers,
            schedules={},
            hooks=[(type(hook).__name__, hook) for hook in hooks],
            evaluate=evaluate,
        )

    return make


@pytest.fixture
def parts():
    """The method and the loader, for tests to change."""
    return SimpleNamespace(Predicts=Predicts, Batches=Batches)
