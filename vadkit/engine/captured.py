"""A train step as a CUDA graph: one launch instead of thousands, for the same kernels."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from vadkit.data.tensors import Clips
from vadkit.engine.compiled import WORTH_MINUTES, WORTH_STEPS, CompiledStep, can_compile
from vadkit.engine.step import StepValues, TrainStep
from vadkit.hooks.hook import Hook
from vadkit.methods.method import Method
from vadkit.recipe.model import Train

_log = logging.getLogger("vadkit.engine")
# Steps before the capture: optimizers and cuDNN set up their state, and compiled networks compile.
_EAGER_STEPS = 3
_OPTIMIZERS = (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD)


def why_not_captured(
    method: Method, optimizers: Iterable[torch.optim.Optimizer], hooks: Sequence[Hook]
) -> str | None:
    """Return why steps cannot be captured, as far as it is known beforehand; None if they can.

    A graph repeats kernels and no Python. Code of a plugin may count or decide in Python, so a
    method, network or loss of a plugin must declare ``capturable = True``.
    """
    parts: list[object] = [method, *method.modules(), *(one.loss for one in method.losses.values())]
    for part in parts:
        known = type(part).__module__.partition(".")[0] in ("vadkit", "torch")
        if not getattr(part, "capturable", known):
            return f"{type(part).__name__} does not declare `capturable = True`"
    if method.clip.dim is not None:
        return "bags of segments have several lengths"
    if method.clip.boxes is not None or method.clip.given:
        return "the number of objects differs from batch to batch"
    for optimizer in optimizers:
        if not isinstance(optimizer, _OPTIMIZERS):
            return f"the optimizer {type(optimizer).__name__} cannot be captured"
    for hook in hooks:
        if type(hook).on_gradients is not Hook.on_gradients:
            return f"the hook {type(hook).__name__} looks at gradients between kernels"
    return None


class CapturedStep:
    """Calls a train step: a few times as it is, then as a CUDA graph of its kernels.

    Weights, statistics and results are those of the plain step. If the step cannot be captured, or
    clips have another form than those of the capture, the plain step is called. ``reason`` says why
    nothing is captured.
    """

    def __init__(self, step: TrainStep | CompiledStep) -> None:
        self.step = step
        self.reason: str | None = None
        self._called = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: Clips | None = None
        self._packed: Tensor | None = None
        self._names = StepValues({}, {})
        self._addresses: list[int] = []
        self._stream = torch.cuda.Stream()
        for optimizer in step.optimizers.values():
            _make_capturable(optimizer, step.device)

    def set_rates(self, factors: Mapping[str, float]) -> None:
        """Set the learning rates of the next step; see ``TrainStep``."""
        self.step.set_rates(factors)

    def __call__(self, clips: Clips, *, begins: bool = True, ends: bool = True) -> StepValues:
        """Run the updates of one batch; see ``TrainStep``."""
        if self.reason is not None or not (begins and ends):
            return self._plain(clips, begins, ends)
        if self._called < _EAGER_STEPS:
            self._called += 1
            return self._plain(clips)
        if self._graph is not None and self._addresses != _addresses(self.step.method):
            self._graph = None
        if self._graph is None:
            try:
                self._capture(clips)
            except Exception as error:
                # Whatever a method does that a graph cannot hold, it can do without one.
                self._give_up((str(error).strip() or type(error).__name__).splitlines()[0])
                return self._plain(clips)
        if self._inputs is None or not _alike(clips, self._inputs):
            return self._plain(clips)
        return self._replay(clips)

    def _plain(self, clips: Clips, begins: bool = True, ends: bool = True) -> StepValues:
        """Run the step on the stream of the capture, to which gradients belong."""
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            values = self.step(clips, begins=begins, ends=ends)
        current.wait_stream(self._stream)
        return values

    def _capture(self, clips: Clips) -> None:
        self._inputs = _copied(clips)
        method = self.step.method
        before = dict(_buffers(method))
        graph = torch.cuda.CUDAGraph()
        # Other threads copy batches meanwhile, which the default mode would forbid.
        try:
            with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
                values = self.step(self._inputs)
                # The next replay starts from the buffers of this one, if a method replaces any.
                for place, new in _buffers(method):
                    if new is not before[place]:
                        before[place].copy_(new)
                packed = torch.stack([*values.terms.values(), *values.norms.values()])
        finally:
            for (module, name), old in before.items():
                setattr(module, name, old)
        self._graph, self._packed, self._names = graph, packed, values
        self._addresses = _addresses(method)

    def _replay(self, clips: Clips) -> StepValues:
        assert self._graph is not None and self._inputs is not None and self._packed is not None
        self._inputs.frames.copy_(clips.frames)
        if self._inputs.flow is not None and clips.flow is not None:
            self._inputs.flow.copy_(clips.flow)
        self._graph.replay()
        # A copy, because the next replay overwrites the original.
        values = iter(self._packed.clone().unbind())
        terms = dict(zip(self._names.terms, values, strict=False))
        return StepValues(terms, dict(zip(self._names.norms, values, strict=False)))

    def _give_up(self, reason: str) -> None:
        self.reason, self._graph, self._inputs = reason, None, None
        torch.cuda.synchronize()
        _log.warning("steps are not captured as a CUDA graph, which is slower: %s", reason)


AnyStep = TrainStep | CompiledStep | CapturedStep


def fastest_step(step: TrainStep, settings: Train, hooks: Sequence[Hook], steps: int) -> AnyStep:
    """Compile and capture a step where the recipe and the device allow it.

    ``steps`` is the number of steps of the training, of which compiling must be worth its time.
    """
    if not step.optimizers:
        return step
    if step.processes.several:
        # Neither holds messages between processes.
        if settings.compile is True:
            _log.warning("train.compile does not work in several processes: nothing is compiled")
        return step
    one: TrainStep | CompiledStep = step
    if settings.compile is True or (
        settings.compile == "auto"
        and can_compile(step.device)
        and steps >= WORTH_STEPS
        and (settings.max_steps or WORTH_STEPS) >= WORTH_STEPS
        and (settings.minutes or WORTH_MINUTES) >= WORTH_MINUTES
    ):
        one = CompiledStep(step)
    if step.device.type != "cuda" or not settings.capture:
        return one
    reason = why_not_captured(step.method, step.optimizers.values(), hooks)
    if step.accumulate > 1:
        reason = "train.accumulate is above 1"
    if reason is None:
        return CapturedStep(one)
    _log.info("steps are not captured as a CUDA graph, which is slower: %s", reason)
    return one


def _make_capturable(optimizer: torch.optim.Optimizer, device: torch.device) -> None:
    """Keep the state of an optimizer on the device, and its learning rate in a tensor."""
    for group in optimizer.param_groups:
        group["fused"], group["foreach"] = True, False
        if "capturable" in group:
            group["capturable"] = True
        group["lr"] = torch.tensor(float(group["lr"]), device=device)


def _copied(clips: Clips) -> Clips:
    """Return clips whose frames and flow have memory of their own."""
    flow = None if clips.flow is None else clips.flow.clone()
    return replace(clips, frames=clips.frames.clone(), flow=flow, videos=None)


def _alike(clips: Clips, captured: Clips) -> bool:
    if (clips.flow is None) != (captured.flow is None):
        return False
    pairs = [(clips.frames, captured.frames)]
    if clips.flow is not None and captured.flow is not None:
        pairs.append((clips.flow, captured.flow))
    return all(one.shape == other.shape and one.dtype == other.dtype for one, other in pairs)


def _buffers(method: Method) -> Iterator[tuple[tuple[nn.Module, str], Tensor]]:
    for module in method.modules():
        for name, buffer in module.named_buffers(recurse=False):
            yield (module, name), buffer


def _addresses(method: Method) -> list[int]:
    """Return where weights and buffers are; a graph is valid as long as they stay there."""
    tensors = [*method.parameters(), *method.buffers()]
    return [tensor.data_ptr() for tensor in tensors]
