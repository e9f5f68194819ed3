"""Hooks for experiment trackers: a failing tracker, a resumed run, and what W&B and MLflow get."""

import json
import logging
import sys
from types import SimpleNamespace

import pytest

from vadkit.engine.trainer import EvaluationScores
from vadkit.errors import RecipeError
from vadkit.evaluation.metrics import Metric
from vadkit.hooks import experiment
from vadkit.hooks.evaluate import Evaluate
from vadkit.hooks.experiment import ExperimentHook
from vadkit.hooks.metrics_log import MetricsLog
from vadkit.hooks.mlflow import MLflow
from vadkit.hooks.wandb import WeightsAndBiases
from vadkit.recipe.source import to_yaml

RECIPE = {
    "name": "test",
    "train": {"epochs": 2, "minutes": None},
    "sinks": [{"type": "webhook", "url": "https://me:secret@host/hook?token=abc"}],
}


class Notes(ExperimentHook):
    """Notes what it gets; fails as often as ``fails`` says, by function."""

    tracker = "notes"

    def __init__(self, every=2, **fails):
        super().__init__(every)
        self.fails, self.begun, self.rows, self.ended = fails, [], [], []

    def _may_fail(self, name):
        if self.fails.get(name, 0) > 0:
            self.fails[name] -= 1
            raise ConnectionError(f"no route to http://me:secret@host ({name})")

    def load(self):
        self._may_fail("load")

    def begin(self, ctx, known):
        self._may_fail("begin")
        self.begun.append(known)
        return known or "id-1"

    def log(self, rows):
        self._may_fail("log")
        self.rows += rows

    def end(self, outcome):
        self._may_fail("end")
        self.ended.append(outcome)


@pytest.fixture
def fit(make_trainer):
    """A function that trains with a hook, in a run folder with a recipe and a manifest."""

    def fit(*hooks, run="group/run", **settings):
        trainer = make_trainer(*hooks, run=run, **settings)
        trainer.run.mkdir(parents=True, exist_ok=True)
        (trainer.run / "recipe.yaml").write_text(to_yaml(RECIPE))
        (trainer.run / "manifest.json").write_text('{"status": "running"}')
        trainer.fit()
        return trainer

    return fit


def test_losses_by_step_and_metrics_by_epoch_and_evaluation(fit):
    metrics = [Metric("micro-auc", 0.75, "raw")]
    hook = Notes()
    fit(Evaluate(), hook, evaluate=lambda method: EvaluationScores(metrics, {}, {}), epochs=1)
    found = [(row.step, row.epoch, sorted(row.values)) for row in hook.rows]
    assert found == [
        (1, 0, ["step/error", "step/loss"]),
        (2, 0, ["step/error", "step/loss"]),
        (4, 0, ["step/error", "step/loss"]),
        (4, 1, ["train/error", "train/loss"]),
        (4, 1, ["test/raw/micro-auc"]),
    ]
    assert hook.rows[4].values == {"test/raw/micro-auc": 0.75}
    assert (hook.begun, hook.ended) == ([None], ["finished"])


@pytest.mark.parametrize("place", ["load", "begin", "log", "end"])
def test_a_tracker_that_always_fails_stops_nothing_and_says_so_once(fit, caplog, place):
    hook = Notes(**{place: 99})
    trainer = fit(hook)
    assert trainer.step == 8
    [record] = [one for one in caplog.records if one.levelno >= logging.WARNING]
    said = record.getMessage()
    assert said.startswith("notes does not log: ConnectionError: no route to ")
    assert said.endswith("; training goes on") and "secret" not in said


def test_values_wait_for_a_tracker_that_comes_back(fit, monkeypatch):
    monkeypatch.setattr(experiment, "_AGAIN_S", 0.0)
    hook = Notes(every=1, begin=2, log=2)
    fit(hook, epochs=1)
    assert [row.step for row in hook.rows] == [1, 2, 3, 4, 4]


def test_values_that_still_wait_are_sent_at_the_end(fit):
    hook = Notes(every=1, log=1)
    fit(hook, epochs=1)
    assert [row.step for row in hook.rows] == [1, 2, 3, 4, 4]
    assert hook.ended == ["finished"]


def test_a_resumed_run_continues_the_run_of_the_tracker(fit):
    first, second = Notes(), Notes()
    run = fit(first, max_steps=2).run
    fit(second)
    assert second.begun == ["id-1"]
    assert json.loads((run / "trackers.json").read_text()) == {"notes": "id-1"}


def test_errors_and_interrupts_are_told(fit):
    class Breaks(Evaluate):
        def __init__(self, error):
            super().__init__()
            self.error = error

        def on_step_end(self, ctx):
            raise self.error

    for number, (error, outcome) in enumerate(
        [(ValueError(), "failed"), (KeyboardInterrupt(), "interrupted")]
    ):
        hook = Notes()
        with pytest.raises(type(error)):
            fit(hook, Breaks(error), run=f"group/{number}")
        assert hook.ended == [outcome]


@pytest.mark.parametrize(("hook", "name"), [(WeightsAndBiases, "wandb"), (MLflow, "mlflow")])
def test_without_the_package_training_does_not_begin(fit, monkeypatch, caplog, hook, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(RecipeError, match=rf"hooks\.{name} needs .* 'vadkit\[{name}\]'"):
        fit(hook())
    assert not caplog.records


class FakeWandb:
    """Notes what `wandb` is asked for."""

    def __init__(self, folder):
        self.folder, self.begun, self.rows, self.codes = folder, [], [], []

    def Settings(self, **settings):
        return settings

    def init(self, **given):
        self.begun.append(given)
        return SimpleNamespace(
            id=given["id"],
            dir=str(self.folder),
            define_metric=lambda name, step_metric: None,
            log=self.rows.append,
            finish=lambda exit_code: self.codes.append(exit_code),
        )


def test_wandb_is_offline_and_gets_the_recipe_without_passwords(fit, monkeypatch, tmp_path):
    fake = FakeWandb(tmp_path)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    trainer = fit(WeightsAndBiases(every=4), epochs=1)
    [given] = fake.begun
    assert (given["mode"], given["project"], given["group"]) == ("offline", "vadkit", "test")
    assert given["config"]["train"] == {"epochs": 2, "minutes": None}
    assert given["config"]["run_folder"] == str(trainer.run)
    assert given["config"]["sinks"][0]["url"] == "https://me:***@host/hook?token=***"
    assert "secret" not in (tmp_path / "recipe.yaml").read_text()
    assert json.loads((tmp_path / "manifest.json").read_text()) == {"status": "running"}
    assert [(row["step"], "step/loss" in row) for row in fake.rows] == [
        (1, True),
        (4, True),
        (4, False),
    ]
    assert fake.rows[-1]["train/loss"] == pytest.approx(trainer.logs["loss"])
    assert fake.codes == [0]
    monkeypatch.setenv("WANDB_MODE", "online")
    fit(WeightsAndBiases())
    assert fake.begun[1]["mode"] == "online" and fake.begun[1]["resume"] == "allow"
    assert fake.begun[1]["id"] == given["id"]


class FakeStore:
    """Notes what `MlflowClient` is asked for, by the place of the store."""

    def __init__(self):
        self.places, self.params, self.metrics, self.tags, self.status = [], {}, [], {}, []

    def __call__(self, tracking_uri):
        self.places.append(tracking_uri)
        return self

    def get_experiment_by_name(self, name):
        return None

    def create_experiment(self, name, artifact_location):
        self.artifacts = artifact_location
        return "7"

    def create_run(self, experiment, run_name, tags):
        self.named, self.tags = run_name, {**tags}
        return SimpleNamespace(info=SimpleNamespace(run_id="abc"))

    def update_run(self, run, status):
        self.status.append(status)

    def get_run(self, run):
        return SimpleNamespace(data=SimpleNamespace(params=dict(self.params)))

    def log_batch(self, run, metrics=(), params=()):
        assert len(metrics) <= 1000 and len(params) <= 100
        self.metrics += metrics
        for name, value in params:
            assert name not in self.params
            self.params[name] = value

    def log_text(self, run, text, name):
        self.text = text

    def log_artifact(self, run, path):
        self.file = path

    def set_terminated(self, run, status):
        self.status.append(status)


@pytest.fixture
def store(monkeypatch):
    store = FakeStore()
    entities = SimpleNamespace(Param=lambda *one: one, Metric=lambda *one: one)
    fake = SimpleNamespace(MlflowClient=store, entities=entities, MlflowException=KeyError)
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return store


def test_mlflow_keeps_all_runs_in_one_file_beside_them(fit, store, tmp_path):
    trainer = fit(MLflow(every=4), epochs=1)
    assert store.places == [f"sqlite:///{tmp_path}/mlflow.db"]
    assert store.artifacts == (tmp_path / "mlflow").as_uri()
    assert store.named == "test/run" and store.tags == {"run_folder": str(trainer.run)}
    assert store.params["train.epochs"] == "2" and store.params["train.minutes"] == "null"
    assert "secret" not in store.params["sinks"] + store.text
    assert store.file == str(trainer.run / "manifest.json")
    assert [(name, step) for name, _, _, step in store.metrics if "loss" in name] == [
        ("step/loss", 1),
        ("step/loss", 4),
        ("train/loss", 4),
    ]
    assert store.status == ["RUNNING", "FINISHED"]


def test_a_resumed_run_keeps_its_parameters_in_mlflow(fit, store, monkeypatch):
    fit(MLflow(), epochs=1)
    monkeypatch.setitem(RECIPE, "train", {"epochs": 9, "clip_grad_norm": 1.5})
    fit(MLflow(), epochs=1)
    assert (store.params["train.epochs"], store.params["train.clip_grad_norm"]) == ("2", "1.5")
    assert store.status == ["RUNNING", "FINISHED"] * 2


def test_mlflow_uses_the_server_of_the_environment(fit, store, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server:5000")
    metrics = [Metric("auc[Arson]", 0.5, "raw")]
    fit(Evaluate(), MLflow(), evaluate=lambda method: EvaluationScores(metrics, {}, {}), epochs=1)
    assert store.places == ["http://server:5000"] and store.artifacts is None
    assert "test/raw/auc_Arson_" in [name for name, *_ in store.metrics]


@pytest.fixture
def no_network(monkeypatch):
    """Any use of a network fails at once."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("MLFLOW_TRACKING_URI", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)


def losses(trainer):
    """The loss of each epoch by its step, from the log of the run."""
    lines = map(json.loads, (trainer.run / "metrics.jsonl").read_text().splitlines())
    return [(line["step"], line["loss"]) for line in lines if line["event"] == "epoch"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("no_network")
def test_a_real_mlflow_store(fit, tmp_path, caplog):
    mlflow = pytest.importorskip("mlflow", reason="needs MLflow: pip install 'vadkit[mlflow]'")
    trainer = fit(MLflow(), MetricsLog(), epochs=2)
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.get_experiment_by_name("vadkit").experiment_id
    [run] = client.search_runs([experiment])
    assert run.info.status == "FINISHED" and run.data.tags["run_folder"] == str(trainer.run)
    assert run.data.params["train.epochs"] == "2"
    logged = client.get_metric_history(run.info.run_id, "train/loss")
    assert [(one.step, one.value) for one in logged] == losses(trainer) and len(logged) == 2
    files = {one.path for one in client.list_artifacts(run.info.run_id)}
    assert files == {"recipe.yaml", "manifest.json"}
    fit(MLflow(), epochs=1)
    [same] = client.search_runs([experiment])
    assert same.info.run_id == run.info.run_id
    assert len(client.get_metric_history(run.info.run_id, "train/loss")) == 3
    assert "does not log" not in caplog.text


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("no_network")
def test_a_real_wandb_folder(fit, caplog):
    pytest.importorskip("wandb", reason="needs W&B: pip install 'vadkit[wandb]'")
    trainer = fit(WeightsAndBiases(), MetricsLog(), epochs=2)
    fit(WeightsAndBiases(), epochs=1)
    known = json.loads((trainer.run / "trackers.json").read_text())["wandb"]
    parts = sorted((trainer.run / "wandb").glob("offline-run-*"))
    assert parts and {part.name.rpartition("-")[2] for part in parts} == {known}
    # The format is W&B's own; a history has names and JSON of values.
    content = b"".join(file.read_bytes() for part in parts for file in part.glob("*.wandb"))
    for _, loss in losses(trainer):
        assert json.dumps(loss).encode() in content
    assert b"train/loss" in content and b"secret" not in content
    assert (parts[0] / "files" / "recipe.yaml").is_file()
    assert "does not log" not in caplog.text
