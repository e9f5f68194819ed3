"""The interface between a method and the code that runs it: trainer, evaluator, detector."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec, FrameReader

# The least share that a stretch of accepted video has, among everything seen at the same place.
STRETCH_SHARE = 0.05


class Update(NamedTuple):
    """One optimizer step: ``terms()`` returns named, weighted scalars whose sum is minimised.

    The trainer calls ``terms`` with the parameters of all other roles frozen and with the recipe's
    precision. The updates of one batch are requested lazily, so a later one sees the weights that
    an earlier one has changed.
    """

    role: str
    terms: Callable[[], dict[str, Tensor]]


class Scores(NamedTuple):
    """Raw anomaly scores of a batch of clips; a higher score is more abnormal.

    ``frames`` is (B, S) for the S offsets of ``ClipSpec.scored``, NaN for a frame without a score.
    ``maps`` is (B, S, h, w), the same score per pixel or cell, or None. ``output`` is the method's
    reconstruction or prediction of the scored frames, (B, S, C, h, w) in the clip's range, for
    images; None if it has none. ``parts`` has the score of each part of a method with several
    parts, (B, S) by name, in comparable units; None for a method with one part. ``objects`` has the
    detections of each clip of a method that scores objects, (n, 5): the box in clip pixels, then
    its score; S is 1 then.
    """

    frames: Tensor
    maps: Tensor | None = None
    output: Tensor | None = None
    parts: dict[str, Tensor] | None = None
    objects: tuple[Tensor, ...] | None = None


class Evidence(NamedTuple):
    """What one kind of anomaly is at each cell of the scored frames, for boxes and for words.

    ``scores`` (B, S, h, w) are this kind's part of the map, in the unit of the map. ``own`` is the
    same score of what is in the cell itself at the scored frame, where ``scores`` may be means over
    time and over neighbouring cells. ``values`` has numbers for words, (B, S, h, w) by name; see
    ``vadkit.inference.reasons``.
    """

    scores: Tensor
    own: Tensor
    values: dict[str, Tensor]


class WeightedLoss:
    """A loss component with the weight of the recipe: calls return weight * loss."""

    def __init__(self, loss: Callable[..., Tensor], weight: float) -> None:
        self.loss = loss
        self.weight = weight

    def __call__(self, *inputs: Any) -> Tensor:
        return self.weight * self.loss(*inputs)


class Method(nn.Module):
    """A video anomaly detection method: how it learns, and how it scores.

    ``defaults`` has the settings of the paper in the form of recipe sections (``clip``, ``flow``,
    ``objects``, ``networks``, ``losses``, ``optimizers``, ``schedulers``, ``train``, ``scorers``);
    ``protocols`` are those of its paper, shown in addition to the usual ones. The keys of
    ``networks``, ``losses`` and ``optimizers`` are the method's roles. ``optional`` names, as
    ``family.role``, the roles that a recipe may turn off with ``null``; ``unstaged`` names those
    that stages of training may leave out.

    A method without gradients has no optimizer roles. It overrides ``collect`` and ``finalize``,
    and stores what it learned in buffers, so that ``state_dict`` contains it.
    """

    defaults: ClassVar[dict[str, Any]] = {}
    optional: ClassVar[frozenset[str]] = frozenset()
    unstaged: ClassVar[frozenset[str]] = frozenset()
    # The number of passes over the training clips after training, each followed by ``finalize``.
    passes: ClassVar[int] = 1
    # The default search space of `vadkit tune`, in the form of a recipe's section ``search``.
    search: ClassVar[dict[str, Any]] = {}
    # The number of frames in one window of ``encode``; 0 if ``score`` does not use such features. A
    # clip of T frames then has T - encoded_frames + 1 features, one for each of its frames from
    # number ``encoded_frames - 1`` on.
    encoded_frames: ClassVar[int] = 0
    # Whether ``score`` learns from clips now; see ``adapting``.
    adapts: bool = False
    # Whether ``accept`` and ``settle`` are implemented.
    accepts: bool = False
    # Places of the clip's pictures (H, W) that do not count, True to ignore; None if all count.
    ignored: Tensor | None

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
        # Zones may change after training, so the weights do not contain them.
        self.register_buffer("ignored", None, persistent=False)

    @classmethod
    def can_ignore(cls, params: Mapping[str, Any]) -> bool:
        """Whether a method with these parameters leaves ``ignored`` places out of its scores.

        Its maps must then leave them out before they become scores; see ``cells.outside``.
        """
        return False

    def ignore(self, places: Tensor | None) -> None:
        """Leave these places (H, W), bool in clip pixels, out of scores and maps from now on."""
        self.ignored = places

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: str, step: int) -> ClipSpec:
        """Return the clip spec of a recipe's clip, with scored offsets and value range.

        Raises ``ValueError`` with a message for the recipe's author if the method cannot use the
        clip.
        """
        raise NotImplementedError

    @classmethod
    def clip_for(
        cls, clip: ClipSpec, params: Mapping[str, Any], networks: Collection[str]
    ) -> ClipSpec:
        """Return the clip spec adapted to the recipe's parameters and network roles.

        By default it is unchanged. Override it if parameters decide whether the method takes flow,
        boxes or features from files. Raises ``ValueError`` like ``clip_spec``.
        """
        return clip

    @classmethod
    def defaults_for(cls, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``defaults`` adapted to the recipe's parameters, which are complete.

        By default they are unchanged. Raises ``ValueError`` for unusable parameters.
        """
        return cls.defaults

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        """Return positional arguments of each network role, for example channel counts."""
        return {}

    def parameters_of(self, role: str) -> Iterable[nn.Parameter]:
        """Return the parameters that the optimizer ``role`` updates; by default the network's."""
        return self.networks[role].parameters()

    def prepare(self, videos: Sequence[FrameReader]) -> None:
        """Called once before training, also before a resumed one, with the training videos.

        For what is made from whole videos, such as synthetic anomalies. It is not in the state of
        the method, so it must depend only on the videos.
        """

    def updates(self, clips: Clips) -> Iterator[Update]:
        """Yield the optimizer steps for one batch."""
        return iter(())

    def items(self, clips: Clips) -> int:
        """Return over how many items the terms of a batch are means: its objects, or its clips.

        If several processes train, this weights the parts of a batch.
        """
        return len(clips) if clips.boxes is None else sum(map(len, clips.boxes))

    def embed(self, clips: Clips) -> Tensor | None:
        """Return features (N, F) of a batch, one row per clip or object, for hooks.

        Return None, the default, if the method has no such features.
        """
        return None

    def expect(self, clips: Sequence[int]) -> None:
        """Called before the collect passes, with the number of clips of each training video."""

    def collect(self, clips: Clips) -> None:
        """Collect statistics from one training batch, in the passes after training."""

    def finalize(self) -> None:
        """Fit what ``collect`` collected in a pass."""

    def accept(self, clips: Clips) -> None:
        """Add clips of normal video to what was learned, long after ``finalize``.

        The clips of one stretch of video, such as a false alarm or a new video, come in batches, in
        order of time. Then ``settle`` ends the stretch, and scores take it into account. Clips are
        those of ``collect``, but in one pass, whatever ``passes`` is. Everything that this needs
        must be in buffers, because the method comes from a checkpoint.

        A stretch that was seen once must count enough that the same thing scores clearly lower,
        however much video was used for training, and must leave most of what was learned. Where
        counts are kept, ``STRETCH_SHARE`` of the count at a place is a good least weight. If the
        score is still too high, the same stretch comes again.
        """
        raise NotImplementedError

    def settle(self) -> None:
        """End a stretch of video that ``accept`` was given, and fit what was learned again."""
        raise NotImplementedError

    @property
    def collects(self) -> bool:
        """Whether the method needs the collect pass."""
        return type(self).collect is not Method.collect

    def held_out(self) -> dict[int, tuple[Tensor, Tensor]]:
        """Return numbers (n,) and scores (n,) of training clips held out of the fit, by video.

        Available after training, for methods that hold out video themselves; empty by default.
        """
        return {}

    @contextlib.contextmanager
    def adapting(self) -> Iterator[None]:
        """Context for evaluating a dataset: ``score`` may learn from clips that it has scored.

        Clips come in order, video after video, and everything learned is discarded at the end. Live
        use never does this. By default nothing is learned.
        """
        yield

    def encode(self, clips: Clips) -> Tensor:
        """Return features (B, ...) of windows of ``encoded_frames`` frames, with their last flow.

        If a method has them, streams compute each once for all clips that contain its frames.
        """
        raise NotImplementedError

    def score_encoded(self, features: Tensor) -> Scores:
        """Like ``score``, from the features of clips (B, N, ...) in order of time."""
        raise NotImplementedError

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        """Score a batch of clips, on the frames of ``ClipSpec.scoring``; must not change state."""
        raise NotImplementedError

    @torch.no_grad()
    def explain(self, clips: Clips) -> dict[str, Evidence]:
        """Return evidence for the scores of clips by kind; {}, the default, if there is none.

        Called only for clips with high scores.
        """
        return {}

    @torch.no_grad()
    def explain_encoded(self, features: Tensor) -> dict[str, Evidence]:
        """Like ``explain``, from the features of clips (B, N, ...) in order of time."""
        return {}
