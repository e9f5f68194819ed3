"""The contract between a method and everything that runs it: trainer, evaluator, detector."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec


class Update(NamedTuple):
    """One optimizer step: ``terms()`` gives named, weighted scalars whose sum is minimised.

    The trainer calls ``terms`` with the parameters of every other role frozen and under the
    recipe's precision. Updates of one batch are drawn lazily, so a later one sees the weights
    that an earlier one has changed.
    """

    role: str
    terms: Callable[[], dict[str, Tensor]]


class Scores(NamedTuple):
    """Raw anomaly scores of a batch of clips; higher is more abnormal.

    ``frames`` is (B, S) for the S offsets of ``ClipSpec.scored``, NaN where a frame has no score.
    ``maps`` is (B, S, h, w), the same error per pixel or cell, or None. ``output`` is what the
    method made in place of the scored frames, (B, S, C, h, w) in the clip's range, for pictures;
    None where it makes none. ``parts`` is what each part of a method that has several says of the
    frames, (B, S) by name in units that compare; None where there is one alone.
    """

    frames: Tensor
    maps: Tensor | None = None
    output: Tensor | None = None
    parts: dict[str, Tensor] | None = None


class WeightedLoss:
    """A loss component and the weight that the recipe gives it: calls return weight * loss."""

    def __init__(self, loss: Callable[..., Tensor], weight: float) -> None:
        self.loss = loss
        self.weight = weight

    def __call__(self, *inputs: Any) -> Tensor:
        return self.weight * self.loss(*inputs)


class Method(nn.Module):
    """A video anomaly detection method: how it learns, and how it scores.

    ``defaults`` holds the paper's settings in the form of recipe sections (``clip``, ``flow``,
    ``objects``, ``networks``, ``losses``, ``optimizers``, ``schedulers``, ``train``, ``scorers``);
    ``protocols`` are what its paper reports under, shown beside the usual ones.
    Its keys under ``networks``, ``losses`` and ``optimizers`` are the method's roles; ``optional``
    names those that a recipe may switch off with ``null``, as ``family.role``.

    A method that takes no gradient has no optimizer roles: it overrides ``collect`` and
    ``finalize``, and keeps what it learned in buffers so that ``state_dict`` carries it.
    """

    defaults: ClassVar[dict[str, Any]] = {}
    optional: ClassVar[frozenset[str]] = frozenset()
    # Passes over the training clips that follow training, each ended by ``finalize``.
    passes: ClassVar[int] = 1
    # What `vadkit tune` searches where nobody says otherwise, in the form of a recipe's ``search``.
    search: ClassVar[dict[str, Any]] = {}
    # Whether scores and maps are rarities, -log10 of the share of normal ones that are as high, so
    # that what is usual need not be measured on training video, which a method knows too well.
    rarities: ClassVar[bool] = False
    # Frames in a row that one feature of ``encode`` takes; 0 where ``score`` does not go by such
    # features. A clip of T frames then has T - encoded_frames + 1 features, one for each of its
    # frames from the number ``encoded_frames - 1`` on.
    encoded_frames: ClassVar[int] = 0

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
    ) -> None:
        super().__init__()
        self.networks = nn.ModuleDict(networks)
        self.losses = dict(losses)
        self.clip = clip

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: str, step: int) -> ClipSpec:
        """The clip of a recipe with what the method knows: scored offsets and value range.

        Raises ``ValueError`` with a message for the recipe's author when the clip cannot serve.
        """
        raise NotImplementedError

    @classmethod
    def clip_for(
        cls, clip: ClipSpec, params: Mapping[str, Any], networks: Collection[str]
    ) -> ClipSpec:
        """The clip of ``clip_spec`` as the recipe's parameters and network roles want it.

        By default they change nothing. A method whose parameters decide whether it takes flow,
        boxes or features from files says so here. Raises ``ValueError`` like ``clip_spec``.
        """
        return clip

    @classmethod
    def defaults_for(cls, params: Mapping[str, Any]) -> dict[str, Any]:
        """``defaults`` as the recipe's parameters, which are complete, want them.

        By default they change nothing. Raises ``ValueError`` for parameters that cannot serve.
        """
        return cls.defaults

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        """Positional arguments of each network role, for example channel counts."""
        return {}

    def parameters_of(self, role: str) -> Iterable[nn.Parameter]:
        """Parameters that the optimizer ``role`` updates; by default the network of that name."""
        return self.networks[role].parameters()

    def updates(self, clips: Clips) -> Iterator[Update]:
        """The optimizer steps to take on one batch."""
        return iter(())

    def embed(self, clips: Clips) -> Tensor | None:
        """Features (N, F) of a batch, one row a clip or an object, for hooks that look at them.

        None, as by default, where the method has no such features.
        """
        return None

    def expect(self, clips: Sequence[int]) -> None:
        """Told before the collect passes: how many clips of each training video each will have."""

    def collect(self, clips: Clips) -> None:
        """Gather statistics from one training batch, in the passes that follow training."""

    def finalize(self) -> None:
        """Fit what ``collect`` gathered in a pass."""

    @property
    def collects(self) -> bool:
        """Whether the method needs the collect pass."""
        return type(self).collect is not Method.collect

    def held_out(self) -> dict[int, tuple[Tensor, Tensor]]:
        """Numbers (n,) and scores (n,) of training clips by a fit that has not seen them, by video.

        After training, of a method that holds video out by itself; empty, as by default, otherwise.
        """
        return {}

    @contextlib.contextmanager
    def adapting(self) -> Iterator[None]:
        """While a data set is evaluated: ``score`` may learn from clips that it has scored.

        Clips come in order, video after video, and all that was learned is forgotten at the end.
        Live use never does so. By default nothing is learned.
        """
        yield

    def encode(self, clips: Clips) -> Tensor:
        """Features (B, ...) of windows of ``encoded_frames`` frames, flow and boxes of the last.

        Where a method has them, streams work each out once for all clips that hold its frames.
        """
        raise NotImplementedError

    def score_encoded(self, features: Tensor) -> Scores:
        """``score`` of clips by their features (B, N, ...) in order of time."""
        raise NotImplementedError

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        """Score a batch of clips, of the frames of ``ClipSpec.scoring``; changes no state."""
        raise NotImplementedError
