"""Damaged run folders, checkpoints and export records: one clear line, never a traceback."""

import copy
import importlib
import json
import random
import shutil
import sys
from pathlib import Path

import pytest
import torch

from vadkit.data.store.digests import content_state
from vadkit.errors import DataError, TrainingError, VadkitError
from vadkit.recipe import load_recipe
from vadkit.scoring.calibration import load_calibration
from vadkit.scoring.normal import load_normal
from vadkit.workflows.detector import Detector, load_detector
from vadkit.workflows.evaluate.run_scores import score_run
from vadkit.workflows.report.runs import load_records
from vadkit.workflows.run import load_run, read_manifest
from vadkit.workflows.train import resume, train

sys.path.insert(0, str(Path(__file__).parent))
mutations = importlib.import_module("mutations")

RECIPE = """\
name: tiny
dataset: {type: synthetic, root: ROOT, train_videos: 1, test_videos: 1, frames: 20, size: [32, 48]}
clip: {frames: 2, size: [32, 48], channels: gray}
method: {type: conv-ae}
networks: {autoencoder: {width: 4}}
train: {epochs: 1, batch_size: 4, max_steps: 2}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    (folder / "r.yaml").write_text(RECIPE.replace("ROOT", str(folder / "data")))
    recipe = load_recipe(folder / "r.yaml")
    run = train(recipe, runs=folder / "runs")
    score_run(run, load_run(run))
    from vadkit.workflows.evaluate.evaluation import evaluate

    evaluate(run)
    return run


@pytest.fixture
def run(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


def read_everything(run):
    read_manifest(run)
    load_detector(run)
    score_run(run, load_run(run))
    load_records([run])


def said(error):
    """The one line of an error."""
    text = str(error.value)
    assert len(text.splitlines()) == 1 and len(text) < 2000
    return text


FILES = ["manifest.json", "normal.json", "calibration.json", "eval.json", "scores/test/meta.json"]


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_mutated_files_of_a_run(run, name):
    draw, content = random.Random(name), (run / name).read_bytes()
    tree = json.loads(content)
    for count in range(30):
        if count % 3:
            changed = json.dumps(mutations.mutate_tree(tree, draw)).encode()
        else:
            changed = mutations.mutate_bytes(content, draw)
        (run / name).write_bytes(changed)
        words = ""
        try:
            read_everything(run)
        except VadkitError as error:
            words = str(error)
        except Exception as error:
            raise AssertionError(f"{changed!r} gave {type(error).__name__}: {error}") from error
        assert len(words) < 20_000, changed


@pytest.mark.parametrize(
    ("name", "place", "value", "words"),
    [
        ("normal.json", "frame_q50", "x", "normal.json"),
        ("normal.json", "frame_q999", float("nan"), "finite number"),
        ("normal.json", "frames", float("inf"), "finite number"),
        ("normal.json", "frames", [], "normal.json is damaged: frames"),
        ("calibration.json", "threshold", "0.5", "threshold"),
        ("calibration.json", "threshold", float("inf"), "finite"),
        ("calibration.json", "scorers", [{"type": "os:system"}], "no scorers component"),
        ("calibration.json", "scorers", [{"type": "gaussian", "sigma": "x"}], "sigma"),
        ("calibration.json", "evidence", None, "calibrat"),
        ("manifest.json", "test", [1], "manifest.json is damaged: test"),
        ("manifest.json", "status", 3, "manifest.json is damaged: status"),
        ("eval.json", "metrics", [{"name": 1}], "eval.json is damaged: metrics.0."),
        ("eval.json", "metrics", None, "eval.json is damaged: metrics"),
    ],
)
def test_keys_of_another_type(run, name, place, value, words):
    data = json.loads((run / name).read_text())
    (run / name).write_text(json.dumps({**data, place: value}))
    read = {"normal.json": load_normal, "calibration.json": load_calibration}
    read |= {"manifest.json": read_manifest, "eval.json": lambda run: load_records([run])}
    with pytest.raises((TrainingError, DataError)) as error:
        read[name](run)
    assert words in said(error) and str(run / name) in said(error)


@pytest.mark.parametrize("text", ["", "[" * 100_000, "9" * 5000, "[1]", '{"a": ', "\xff\xfe"])
def test_files_that_are_not_json(run, text):
    for name, read in (("normal.json", load_normal), ("manifest.json", read_manifest)):
        (run / name).write_text(text, encoding="latin-1")
        with pytest.raises(TrainingError, match=f"{name} is damaged: "):
            read(run)


def _checkpoint(run, change):
    path = run / "checkpoints" / "last.pt"
    state = torch.load(path, weights_only=True)
    change(state)
    torch.save(state, path)
    return path


def _all(value):
    def change(state):
        for name, weight in state["method"].items():
            if weight.is_floating_point():
                state["method"][name] = torch.full_like(weight, value)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.pop("method"), "method: Field required"),
        (lambda state: state.pop("step"), "step: Field required"),
        (lambda state: state.update(step=10**30), "step"),
        (lambda state: state.update(step=-1), "step"),
        (lambda state: state.update(step=True), "step"),
        (lambda state: state.update(step=torch.tensor(1)), "step"),
        (lambda state: state.update(method=[1]), "method"),
        (lambda state: state["method"].clear(), "does not match the recipe"),
        (lambda state: state["method"].update({"x" * 9999: torch.ones(1)}), "does not match"),
        (lambda state: state["method"].update({next(iter(state["method"])): 1}), "does not match"),
        (
            lambda state: state["method"].update({next(iter(state["method"])): torch.ones(3)}),
            "match",
        ),
        (_all(float("nan")), "weights networks.autoencoder"),
        (_all(float("inf")), "are not finite; train again"),
    ],
)
def test_checkpoints_to_score_with(run, change, words):
    path = _checkpoint(run, change)
    with pytest.raises(TrainingError) as error:
        load_detector(run)
    assert error.value.exit_code == 4
    assert words.removeprefix("weights networks.autoencoder") in said(error)
    assert str(path) in said(error)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: (
            state["hooks"].update({name: {"x": []} for name in state["hooks"]})
            or state.update(hooks=dict.fromkeys(state["hooks"], 1))
        ),
        lambda state: state.update(optimizers={}),
        lambda state: state.update(rng={}),
        lambda state: state.update(rng={"cpu": torch.ones(3), "cuda": []}),
        lambda state: state.update(sums={"loss": 1}),
        lambda state: state.update(epoch="1"),
    ],
)
def test_checkpoints_to_resume_from(run, change):
    path = _checkpoint(run, change)
    with pytest.raises(TrainingError) as error:
        resume(run)
    assert str(path) in said(error)


@pytest.mark.slow
def test_mutated_checkpoints(run):
    path = run / "checkpoints" / "last.pt"
    draw, content = random.Random(0), path.read_bytes()
    recipe = load_run(run)
    from vadkit.workflows.build import load_method

    for _ in range(150):
        path.write_bytes(mutations.mutate_bytes(content, draw))
        words = ""
        try:
            load_method(recipe, path, torch.device("cpu"))
        except VadkitError as error:
            words = str(error)
        assert len(words.splitlines()) <= 1 and len(words) < 2000


@pytest.fixture(scope="module")
def onnx_file(trained, tmp_path_factory):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    from vadkit.workflows.export import export

    return export(trained, out=tmp_path_factory.mktemp("onnx") / "m.onnx").path


def _with_record(source, target, change):
    import onnx

    model = onnx.load(source)
    (entry,) = (one for one in model.metadata_props if one.key == "vadkit.json")
    record = json.loads(entry.value)
    changed = change(copy.deepcopy(record))
    entry.value = changed if isinstance(changed, str) else json.dumps(changed)
    onnx.save(model, target)
    return target


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("clip", None, "clip"),
        ("clip.frames", 10**9, "clip.frames"),
        ("clip.frames", 7, "its graph takes"),
        ("clip.size", [10**6, 8], "clip.size"),
        ("clip.size", [32, 32], "its graph takes"),
        ("clip.channels", "rgb", "its graph takes"),
        ("clip.scored", [], "clip.scored"),
        ("clip.scored", [99], "must be within"),
        ("clip.step", "1", "clip.step"),
        ("clip.range", [1, 0], "ascending"),
        ("clip.range", [float("nan"), 1], "clip.range"),
        ("clip.boxes", 1, "clip.boxes"),
        ("clip.given", ["x"], "clip.given"),
        ("clip.more", 1, "clip.more"),
        ("flow", {"type": "os:system"}, "no flow component"),
        ("scorers", [{"type": "gaussian", "sigma": -1}], "sigma"),
        ("scorers", 3, "scorers"),
        ("normal", {"frames": 1}, "normal scores lack"),
        ("alarms", {"merge_s": "x"}, "alarms.merge_s"),
        ("calibration", {"threshold": 1}, "calibrat"),
    ],
)
def test_export_records(onnx_file, tmp_path, place, value, words):
    def change(record):
        *above, key = place.split(".")
        target = record
        for part in above:
            target = target[part]
        target[key] = value
        return record

    with pytest.raises(DataError) as error:
        Detector.load(_with_record(onnx_file, tmp_path / "m.onnx", change))
    assert words in said(error)


@pytest.mark.slow
def test_mutated_export_records(onnx_file, tmp_path):
    draw = random.Random(1)

    def change(record):
        if draw.random() < 0.8:
            return mutations.mutate_tree(record, draw)
        changed = mutations.mutate_bytes(json.dumps(record).encode(), draw)
        return changed.decode("utf-8", "ignore")

    for _ in range(150):
        words = ""
        try:
            Detector.load(_with_record(onnx_file, tmp_path / "m.onnx", change))
        except VadkitError as error:
            words = str(error)
        assert len(words) < 20_000


@pytest.mark.parametrize("place", ["source", "model", "sinks", "result", "result.files", "format"])
@pytest.mark.parametrize("value", [None, 3, "x", [1], {}])
def test_damaged_results_are_made_again(tmp_path, place, value):
    from vadkit.workflows.infer.result import Inferred, ResultKey, finished, owner, save_result

    video, key = tmp_path / "a.mp4", ResultKey("m", ("jsonl",))
    video.write_bytes(b"1")
    save_result(tmp_path, video, content_state(video), key, Inferred("a", 1, 1, 1.0, 0, 0, 0, []))
    assert finished(tmp_path, video, key) is not None
    data = json.loads((tmp_path / "result.json").read_text())
    above = data["result"] if "." in place else data
    above[place.rpartition(".")[2]] = value
    (tmp_path / "result.json").write_text(json.dumps(data))
    assert owner(tmp_path) in (None, video)
    if (place, value) not in (("model", "x"),):
        assert finished(tmp_path, video, key) is None
