"""One training loop for every method: gradient updates, then the collect pass."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vadkit.data.tensors import Clips
from vadkit.engine.captured import AnyStep, fastest_step
from vadkit.engine.checkpoint import check_plain, save_checkpoint
from vadkit.engine.clock import TrainClock, position
from vadkit.engine.collect import Loader, Sampled, autocast, collect_passes
from vadkit.engine.distributed import ALONE, Processes
from vadkit.engine.finite import FiniteCheck, check_weights
from vadkit.engine.stages import stage_at
from vadkit.engine.step import StepValues, TrainStep, load_optimizer, optimizer_state
from vadkit.errors import RecipeError, TrainingError
from vadkit.evaluation.metrics import Metric
from vadkit.hooks.dispatch import close_all, tell_all, tell_of_error
from vadkit.hooks.hook import Collected, Hook, On, in_order
from vadkit.methods.method import Method
from vadkit.recipe.model import Train
from vadkit.signals import StopRequest

_log = logging.getLogger("vadkit.engine")
# Steps between two checks of losses and gradients: on a GPU, each check waits for the device.
_CHECK_FINITE_EVERY = 50


class EvaluationScores(NamedTuple):
    """The result of an evaluation: metrics, and raw scores (N,) and labels (N,) by video."""

    metrics: list[Metric]
    scores: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]


class Trainer:
    """Trains a method; it is also the ``FitContext`` of its hooks.

    ``optimizers`` and ``schedules`` are by role; a schedule returns the factor on the base learning
    rate at an epoch position such as 2.5. ``evaluate`` scores the test split, ``evaluate_pseudo``
    pseudo-anomalies, and ``evaluate_held_out`` training videos that were held out.
    ``collect_loader`` feeds the collect pass: every training clip once, without augments. With
    several ``processes``, only the first one has hooks and evaluations, collects and writes files.
    """

    def __init__(
        self,
        method: Method,
        loader: Loader,
        *,
        name: str,
        run: Path,
        settings: Train,
        device: torch.device,
        dtype: torch.dtype,
        optimizers: Mapping[str, torch.optim.Optimizer],
        schedules: Mapping[str, Callable[[float], float]],
        hooks: Sequence[tuple[str, Hook]],
        collect_loader: Loader | None = None,
        evaluate: Callable[[Method], EvaluationScores] | None = None,
        evaluate_pseudo: Callable[[Method], list[Metric]] | None = None,
        evaluate_held_out: Callable[[Method], list[Metric]] | None = None,
        processes: Processes = ALONE,
    ) -> None:
        self.method = method
        self.loader = loader
        self.name = name
        self.run = run
        self.settings = settings
        self.device = device
        self.dtype = dtype
        self.processes = processes
        self.optimizers = dict(optimizers)
        self.schedules = dict(schedules)
        self.hook_names = {f"{place}-{kind}": hook for place, (kind, hook) in enumerate(hooks)}
        self.hooks = in_order([hook for _, hook in hooks])
        self.collect_loader = collect_loader or loader
        self._evaluate = evaluate
        self._evaluate_training: dict[On, Callable[[Method], list[Metric]] | None] = {
            "pseudo-anomaly": evaluate_pseudo,
            "held-out": evaluate_held_out,
        }

        self.epochs = settings.epochs if self.optimizers else 0
        self.steps_per_epoch = len(loader)
        self.batch_size = settings.batch_size
        self.epoch = self.step = self.step_in_epoch = 0
        self.optimized = self.resumed = False
        self.data_wait_s = 0.0
        self.clock = TrainClock(settings.minutes)
        self.logs: dict[str, float] = {}
        self.metrics: Sequence[Metric] = []
        self.evaluated_on: On = "test"
        self.scores: dict[str, np.ndarray] = {}
        self.labels: dict[str, np.ndarray] = {}
        self.collected: Collected | None = None
        self.stop_reason: str | None = None
        # The step of the newest checkpoint, None before the first one.
        self.saved_step: int | None = None
        # On a GPU, a check waits for the device, so it is done before a checkpoint is written.
        self.checks_each_step = device.type == "cpu"
        self._finite = FiniteCheck()
        self._sums: dict[str, Tensor] = {}
        self._stop = StopRequest()
        self._train_on = self._make_step()

    # The interface for hooks (FitContext).

    def means(self) -> dict[str, float]:
        steps = max(self.step_in_epoch, 1)
        return {name: float(value) / steps for name, value in self._sums.items()}

    def learning_rates(self) -> dict[str, float]:
        return {role: float(opt.param_groups[0]["lr"]) for role, opt in self.optimizers.items()}

    def save(self, name: str) -> Path:
        path = self.run / "checkpoints" / f"{name}.pt"
        self._finite.check(self.saved_step)
        check_weights(self.method.networks, path.name)
        save_checkpoint(path, self.state_dict())
        self.saved_step = self.step
        return path

    def evaluate(self, on: On = "test") -> None:
        if on not in self.evaluates:
            return
        self._tell("on_evaluate_start")
        self.evaluated_on = on
        with self._eval_mode():
            if on == "test" and self._evaluate is not None:
                self.metrics, self.scores, self.labels = self._evaluate(self.method)
            elif (evaluate := self._evaluate_training.get(on)) is not None:
                self.metrics = evaluate(self.method)
        self._tell("on_evaluated")

    @property
    def evaluates(self) -> frozenset[On]:
        known: dict[On, object] = {"test": self._evaluate, **self._evaluate_training}
        return frozenset(on for on, evaluate in known.items() if evaluate is not None)

    @property
    def ending(self) -> bool:
        return self.epoch >= self.epochs or self.stop_reason is not None

    @property
    def epochs_done(self) -> float:
        """Epochs done, with the part of one that was ended in its middle."""
        return self.step / self.steps_per_epoch

    @property
    def expected_steps(self) -> int:
        steps = self.epochs * self.steps_per_epoch
        share = self.clock.share
        return min(steps, max(self.step, round(self.step / share))) if share else steps

    def sample(self, count: int) -> Iterator[tuple[Clips, list[tuple[str, int]]]]:
        if not isinstance(self.collect_loader, Sampled):
            kind = type(self.collect_loader).__name__
            raise RecipeError(f"hooks: a hook needs sample clips, but {kind} has none; remove it")
        return self.collect_loader.sample(count)

    @contextlib.contextmanager
    def scoring(self) -> Iterator[None]:
        with self._eval_mode(), torch.inference_mode(), autocast(self.device, self.dtype):
            yield

    def stop(self, reason: str) -> None:
        self.stop_reason = reason

    # The loop.

    def fit(self) -> None:
        """Train to the end.

        Ctrl-C ends training after the current step, writes ``checkpoints/last.pt``, and raises
        ``KeyboardInterrupt``. Raises ``TrainingError`` if a loss or a gradient is not finite. Every
        hook gets an error through ``on_error`` and is closed at the end.
        """
        (self.run / "checkpoints").mkdir(parents=True, exist_ok=True)
        with self._stop.noticed():
            try:
                self._tell("on_fit_start")
                self._read_clock()
                while not self.ending:
                    self._train_epoch()
                    self._read_clock()
                self._tell("on_train_end")
                self.method.eval()
                if self.processes.first:
                    self._collect()
                self._tell("on_fit_end")
            except BaseException as error:
                tell_of_error(self.hooks, self, error)
                raise
            finally:
                close_all(self.hooks)

    def _train_epoch(self) -> None:
        self.method.train()
        if self.step_in_epoch == 0:
            self._sums = {}
        self._tell("on_epoch_start")
        self.processes.follow_first(self.method)
        batches = self.loader.batches(self.epoch, start=self.step_in_epoch)
        with contextlib.closing(batches):  # type: ignore[type-var]
            while (clips := self._next(batches)) is not None:
                self.train_step(clips)
                self.step += 1
                self.step_in_epoch += 1
                if self.step % _CHECK_FINITE_EVERY == 0:
                    self._finite.check(self.saved_step)
                self._tell("on_step_end")
                time_is_up = self._at_window_end(self.step_in_epoch) and self._read_clock()
                interrupted = self.processes.any(self._stop.made)
                if interrupted and self._at_window_end(self.step_in_epoch):
                    self._leave_together()
                if self.settings.max_steps is not None and self.step >= self.settings.max_steps:
                    self.stop(f"max_steps {self.settings.max_steps} reached")
                    break
                if time_is_up:
                    break
        self._finite.check(self.saved_step)
        self.processes.check_equal(self.method)
        self.logs = self.means()
        self.epoch += 1
        self.step_in_epoch = 0
        self._tell("on_epoch_end")
        self.stop_reason = self.processes.from_first(self.stop_reason)

    def _next(self, batches: Iterator[Clips]) -> Clips | None:
        started = time.perf_counter()
        clips = next(batches, None)
        self.data_wait_s += time.perf_counter() - started
        return clips

    def _make_step(self) -> AnyStep:
        step = TrainStep(
            self.method,
            self.optimizers,
            device=self.device,
            dtype=self.dtype,
            accumulate=self.settings.accumulate,
            clip_grad_norm=self.settings.clip_grad_norm,
            on_gradients=lambda role: self._tell("on_gradients", role),
            check=self._check_step,
            processes=self.processes,
        )
        steps = self.epochs * self.steps_per_epoch
        if self.settings.stages is not None:
            # A captured or compiled step always does the same.
            self._staged = step
            return step
        return fastest_step(step, self.settings, self.hooks, steps)

    def _choose_roles(self, place: float) -> None:
        """Let the step train the roles of the stage at a position of the training."""
        stages = self.settings.stages
        if stages is None:
            return
        number = stage_at(stages, place, self.epochs)
        roles = frozenset(stages[number].roles)
        if roles != self._staged.roles:
            _log.info("stage %d of %d: %s", number + 1, len(stages), ", ".join(sorted(roles)))
            self._staged.roles = roles

    def _read_clock(self) -> bool:
        """Stop training if its time is over, and return whether it is."""
        self.clock.read()
        if self.clock.minutes is not None:
            # One clock decides for all processes.
            self.clock.seconds = self.processes.from_first(self.clock.seconds)
        left = self.epoch + self.step_in_epoch / self.steps_per_epoch < self.epochs
        if self.clock.over and left and self.stop_reason is None:
            self.stop(f"train.minutes {self.settings.minutes:g} reached")
        return self.clock.over

    def _at_window_end(self, steps_done: int) -> bool:
        """Whether the accumulation window ends after ``steps_done`` steps of the epoch."""
        return steps_done % self.settings.accumulate == 0 or steps_done == self.steps_per_epoch

    def train_step(self, clips: Clips) -> None:
        """Take the optimizer steps of one batch; ``fit`` counts steps and tells hooks of them."""
        into_window = self.step_in_epoch % self.settings.accumulate
        # Accumulated batches count as one, so the rate is that of the window's first batch.
        done = self.epoch + (self.step_in_epoch - into_window) / self.steps_per_epoch
        place = position(done, self.epochs, self.clock.share)
        self._choose_roles(place)
        self._train_on.set_rates({role: rate(place) for role, rate in self.schedules.items()})
        ends = self._at_window_end(self.step_in_epoch + 1)
        values = self._train_on(clips, begins=into_window == 0, ends=ends)
        for name, value in values.terms.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        self.optimized = ends
        if not (ends and self.checks_each_step):
            self._finite.note_step(*values, self.step + 1, self.epoch + 1)

    def _check_step(self, values: StepValues) -> None:
        if self.checks_each_step:
            self._finite.note_step(*values, self.step + 1, self.epoch + 1)
            self._finite.check(self.saved_step)

    @contextlib.contextmanager
    def _eval_mode(self) -> Iterator[None]:
        training = self.method.training
        self.method.eval()
        try:
            yield
        finally:
            self.method.train(training)

    def _collect(self) -> None:
        def collected(progress: Collected) -> None:
            self.collected = progress
            self._tell("on_collected")
            if self._stop.made:
                self._leave()

        collect_passes(
            self.method,
            self.collect_loader,
            self.device,
            self.dtype,
            draw=self._next,
            collected=collected,
        )

    # Interrupts, hooks and state.

    def _leave_together(self) -> None:
        if self.processes.first:
            self.save("last")
        # A process that ends earlier would end the others.
        self.processes.wait()
        raise KeyboardInterrupt

    def _leave(self) -> None:
        self.save("last")
        raise KeyboardInterrupt

    def _tell(self, event: str, *details: str) -> None:
        self._check_run()
        try:
            tell_all(self.hooks, event, self, *details)
        except FileNotFoundError:
            self._check_run()
            raise

    def _check_run(self) -> None:
        if not self.run.is_dir():
            raise TrainingError(
                f"the run folder {self.run} was moved or deleted during training; everything "
                "written so far is in it, and `vadkit train --resume` continues from there"
            )

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed run needs for bit-identical results."""
        # Of this device only: the next run may see fewer of them.
        cuda = [torch.cuda.get_rng_state(self.device)] if self.device.type == "cuda" else []
        hooks = {name: hook.state_dict() for name, hook in self.hook_names.items()}
        for name, state in hooks.items():
            check_plain(state, f"hooks.{name.replace('-', '.', 1)}: state_dict()")
        return {
            "method": self.method.state_dict(),
            "optimizers": {role: optimizer_state(opt) for role, opt in self.optimizers.items()},
            "hooks": hooks,
            "epoch": self.epoch,
            "step": self.step,
            "step_in_epoch": self.step_in_epoch,
            "seconds": self.clock.seconds,
            "sums": dict(self._sums),
            "clip_fps": self.method.clip.fps,
            "rng": {"cpu": torch.get_rng_state(), "cuda": cuda},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        self.method.load_state_dict(state["method"])
        for role, optimizer in self.optimizers.items():
            load_optimizer(optimizer, state["optimizers"][role])
        for name, hook in self.hook_names.items():
            if name in state["hooks"]:
                hook.load_state_dict(state["hooks"][name])
        self.epoch, self.step = state["epoch"], state["step"]
        self.step_in_epoch = state["step_in_epoch"]
        # Checkpoints of older versions do not have it.
        self.clock.seconds = state.get("seconds", 0.0)
        self._sums = {name: value.to(self.device) for name, value in state["sums"].items()}
        torch.set_rng_state(state["rng"]["cpu"].cpu())
        if self.device.type == "cuda" and state["rng"]["cuda"]:
            # Older checkpoints have the states of all devices.
            *_, last = state["rng"]["cuda"][: (self.device.index or 0) + 1]
            torch.cuda.set_rng_state(last.cpu(), self.device)
        self.resumed, self.saved_step = True, self.step
