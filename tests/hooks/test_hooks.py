"""Built-in hooks against a stand-in for the trainer."""

import json
import math
import time
from types import SimpleNamespace

import pytest

from vadkit.errors import RecipeError
from vadkit.evaluation.metrics import Metric
from vadkit.hooks.checkpoint import Checkpoint
from vadkit.hooks.early_stop import EarlyStop
from vadkit.hooks.evaluate import Evaluate
from vadkit.hooks.hook import Collected
from vadkit.hooks.metrics_log import MetricsLog
from vadkit.hooks.monitors import LrMonitor, Timing
from vadkit.hooks.progress import Progress


class Context(SimpleNamespace):
    """Notes what hooks ask for."""

    def __init__(self, run, **values):
        super().__init__(
            run=run,
            epoch=0,
            epochs=9,
            step=0,
            batch_size=4,
            data_wait_s=0.0,
            logs={},
            metrics=[],
            saved=[],
            stopped=None,
            evaluated_on="test",
            evaluates=frozenset(),
            evaluations=[],
            **values,
        )

    @property
    def ending(self):
        return self.epoch >= self.epochs or self.stopped is not None

    def save(self, name):
        self.saved.append(name)
        path = self.run / "checkpoints" / f"{name}.pt"
        path.parent.mkdir(exist_ok=True)
        path.touch()
        return path

    def stop(self, reason):
        self.stopped = reason

    def evaluate(self, on="test"):
        self.evaluations.append(on)

    def learning_rates(self):
        return {"net": 0.25}

    def means(self):
        return {"loss": 0.5}


def epochs(hook, ctx, losses):
    for loss in losses:
        ctx.epoch += 1
        ctx.logs = {"loss": loss}
        hook.on_epoch_end(ctx)


def test_lines_of_steps_that_come_again_are_removed(make_trainer):
    """A process was killed before its first checkpoint, so the run starts anew."""
    trainer = make_trainer(MetricsLog(every=1), epochs=1)
    trainer.run.mkdir()
    log = trainer.run / "metrics.jsonl"
    log.write_text('{"event": "step", "step": 1}\n{"event": "step", "step": 2}\n{"event": "st')
    trainer.fit()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [line["step"] for line in lines if line["event"] == "step"]
    assert steps == list(range(1, trainer.step + 1))


def test_checkpoint_keeps_last_best_and_the_newest(tmp_path):
    ctx = Context(tmp_path)
    epochs(Checkpoint(every=2, keep=2), ctx, [3.0, 2.0, 2.5])
    assert ctx.saved == ["best", "epoch-0001", "best", "last", "epoch-0002", "epoch-0003"]
    names = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    assert names == {"best.pt", "last.pt", "epoch-0002.pt", "epoch-0003.pt"}


def test_checkpoint_continues_from_its_state(tmp_path):
    hook = Checkpoint()
    epochs(hook, Context(tmp_path), [1.0])
    resumed = Checkpoint()
    resumed.load_state_dict(hook.state_dict())
    ctx = Context(tmp_path)
    epochs(resumed, ctx, [2.0, 0.5])
    assert ctx.saved == ["last", "best", "last"]


def test_best_on_test_needs_its_name(tmp_path):
    ctx = Context(tmp_path)
    quiet, loud = Checkpoint(), Checkpoint(best_on_test="micro-auc")
    for value in (0.7, 0.6, 0.8):
        ctx.metrics = [Metric("micro-auc", value, "raw")]
        quiet.on_evaluated(ctx)
        loud.on_evaluated(ctx)
    assert ctx.saved == ["best_on_test", "best_on_test"]
    with pytest.raises(RecipeError, match="no metric 'auc'; choose one of micro-auc"):
        Checkpoint(best_on_test="auc").on_evaluated(ctx)


def test_best_on_pseudo_is_separate_from_the_test_set(tmp_path):
    ctx = Context(tmp_path)
    hook = Checkpoint(best_on_pseudo="pseudo-auc")
    with pytest.raises(
        RecipeError, match=r"hooks\.checkpoint\.best_on_pseudo: no pseudo-anomalies"
    ):
        hook.on_fit_start(ctx)
    for on, name, value in (
        ("pseudo-anomaly", "pseudo-auc", 0.7),
        ("test", "micro-auc", 0.9),
        ("pseudo-anomaly", "pseudo-auc", 0.6),
        ("pseudo-anomaly", "pseudo-auc", 0.8),
    ):
        ctx.evaluated_on, ctx.metrics = on, [Metric(name, value, "words")]
        hook.on_evaluated(ctx)
    assert ctx.saved == ["best_on_pseudo", "best_on_pseudo"]
    resumed = Checkpoint(best_on_pseudo="pseudo-auc")
    resumed.load_state_dict(hook.state_dict())
    ctx.metrics = [Metric("pseudo-auc", 0.75, "words")]
    resumed.on_evaluated(ctx)
    assert len(ctx.saved) == 2


def test_early_stop_waits_for_better_detection_of_pseudo_anomalies(tmp_path):
    ctx = Context(tmp_path)
    hook = EarlyStop(monitor="pseudo-auc", patience=2)
    with pytest.raises(
        RecipeError, match="'pseudo-auc' is a metric on pseudo-anomalies, but none are"
    ):
        hook.on_fit_start(ctx)
    ctx.evaluates = frozenset(["pseudo-anomaly"])
    hook.on_fit_start(ctx)
    epochs(hook, ctx, [1.0, 2.0, 3.0])
    assert ctx.stopped is None, "the loss has no say"
    for on, value in (
        ("pseudo-anomaly", 0.7),
        ("pseudo-anomaly", 0.6),
        ("test", 0.1),
        ("pseudo-anomaly", 0.69),
    ):
        assert ctx.stopped is None
        ctx.evaluated_on, ctx.metrics = on, [Metric("pseudo-auc", value, "words")]
        hook.on_evaluated(ctx)
    assert ctx.stopped == "pseudo-auc has not risen for 2 evaluations"


def test_early_stop_waits_for_patience(tmp_path):
    ctx = Context(tmp_path)
    hook = EarlyStop(patience=2, min_delta=0.1)
    epochs(hook, ctx, [1.0, 0.95, 0.8, 0.75])
    assert ctx.stopped is None
    resumed = EarlyStop(patience=2, min_delta=0.1)
    resumed.load_state_dict(hook.state_dict())
    epochs(resumed, ctx, [0.72])
    assert ctx.stopped == "loss has not fallen for 2 epochs"
    with pytest.raises(RecipeError, match="no metric 'micro-auc'"):
        epochs(EarlyStop(monitor="micro-auc"), ctx, [1.0])


def test_evaluate_runs_every_so_often_and_at_the_end(tmp_path):
    ctx = Context(tmp_path)
    hook = Evaluate(every=3)
    epochs(hook, ctx, [1.0] * 9)
    assert ctx.evaluations == ["test"] * 2
    hook.on_fit_end(ctx)
    assert ctx.evaluations == ["test"] * 3
    Evaluate(on="pseudo-anomaly").on_fit_end(ctx)
    assert ctx.evaluations[-1] == "pseudo-anomaly"


def test_monitors_add_to_the_logs(tmp_path):
    ctx = Context(tmp_path)
    LrMonitor().on_epoch_end(ctx)
    timing = Timing()
    timing.on_epoch_start(ctx)
    ctx.step = 10
    timing.on_epoch_end(ctx)
    assert ctx.logs["lr/net"] == 0.25
    rate, seconds = ctx.logs["time/clips_per_s"], ctx.logs["time/epoch_s"]
    assert rate * seconds == pytest.approx(40)
    assert ctx.logs["time/data_wait"] == 0


def test_metrics_log_writes_json_lines_without_nan(tmp_path):
    ctx = Context(tmp_path)
    hook = MetricsLog(every=2)
    for ctx.step in (1, 2, 3):
        hook.on_step_end(ctx)
    epochs(hook, ctx, [0.25])
    ctx.metrics = [Metric("micro-auc", 0.9, "raw"), Metric("macro-auc", math.nan, "raw")]
    hook.on_evaluated(ctx)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["event"], line["step"]) for line in lines] == [
        ("step", 2),
        ("epoch", 3),
        ("evaluated", 3),
    ]
    assert lines[1]["loss"] == 0.25
    assert lines[2]["micro-auc[raw]"] == 0.9
    assert lines[2]["macro-auc[raw]"] is None


def test_progress_of_a_fit_without_gradients(tmp_path, capsys):
    hook = Progress(every_s=0.05)
    ctx = Context(tmp_path, steps_per_epoch=3, step_in_epoch=0, collected=None)
    ctx.epochs = 0
    hook.on_fit_start(ctx)
    hook.on_train_end(ctx)
    for number in (1, 2):
        ctx.collected = Collected(number, 2, 40, 80)
        hook.on_collected(ctx)
        time.sleep(0.12)
    hook.on_fit_end(ctx)
    hook.close()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("fitting, pass 1/2: 40 of 160 clips, ")
    assert lines[-1].startswith("fitting, pass 2/2: 120 of 160 clips, ")


def test_progress_of_a_failed_fit_ends(tmp_path, capsys):
    hook = Progress(every_s=0.05)
    ctx = Context(tmp_path, collected=Collected(1, 1, 2, 4))
    hook.on_collected(ctx)
    hook.on_error(ctx, ValueError())
    hook.close()
    assert "done" not in capsys.readouterr().err
