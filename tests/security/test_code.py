"""No string of a recipe, a run, a checkpoint or a model is run, and no file beside one is."""

import hashlib
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from vadkit import trust
from vadkit.errors import DataError, PluginError, TrainingError

RECIPE = """\
name: innocent
dataset: {type: folder, root: videos}
clip: {size: [120, 160]}
data: {readers: ["READER"]}
method: {type: motion-field}
"""


def leave(marker: Path) -> str:
    """Python that leaves a file behind."""
    return f"with open({str(marker)!r}, 'w') as file: file.write('ran')\n"


@pytest.mark.parametrize("reader", ["os:remove", "os:system", "shutil:rmtree", "vadkit.files:os"])
@pytest.mark.parametrize("command", [["data", "check"], ["validate"], ["train"], ["tune"]])
def test_a_reader_is_a_registered_name_and_never_imported(
    vadkit, tmp_path, monkeypatch, reader, command
):
    monkeypatch.chdir(tmp_path)
    videos = [tmp_path / "videos" / name for name in ("a.mp4", "touch ran;.mp4")]
    videos[0].parent.mkdir()
    for video in videos:
        video.write_bytes(b"x")
    (tmp_path / "innocent.yaml").write_text(RECIPE.replace("READER", reader))
    code, _, err = vadkit(*command, "innocent.yaml")
    assert code == 2
    assert f"innocent.yaml:4: data.readers.0: no readers component named '{reader}'" in err
    assert all(video.exists() for video in videos)
    assert not (tmp_path / "ran").exists()


def test_the_nearest_reader_is_named_with_all_other_faults(vadkit, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.replace("READER", "pyavv").replace("[120, 160]", "[120, 1]"))
    code, _, err = vadkit("validate", recipe)
    assert code == 2
    assert "no readers component named 'pyavv'; did you mean 'pyav'?" in err
    assert "clip.size.1" in err


def test_an_old_run_that_names_a_function_is_refused(vadkit, tmp_path):
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("READER", "os:remove"))
    video = tmp_path / "a.mp4"
    video.write_bytes(b"x")
    code, _, err = vadkit("infer", tmp_path, video)
    assert code == 2 and "data.readers.0: no readers component named 'os:remove'" in err
    assert video.exists()


@pytest.fixture
def evil_model(tmp_path):
    """A function that wraps a payload into a ``.pt2`` file, in its present and its old form."""

    def make(kind: str, marker: Path) -> Path:
        class Payload:
            def __reduce__(self):
                return exec, (leave(marker),)

        import torch

        path = tmp_path / "evil.pt2"
        if kind == "old":
            buffer = io.BytesIO()
            torch.save(Payload(), buffer)
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("version", "8.14")
                archive.writestr("serialized_exported_program.json", "{}")
                for part in ("state_dict", "constants", "example_inputs"):
                    archive.writestr(f"serialized_{part}.pt", buffer.getvalue())
            return path
        program = torch.export.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),))
        plain = tmp_path / "plain.pt2"
        torch.export.save(program, plain)
        with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w") as archive:
            for name in source.namelist():
                content = source.read(name)
                if name.endswith("sample_inputs/model.pt"):
                    buffer = io.BytesIO()
                    torch.save(Payload(), buffer)
                    content = buffer.getvalue()
                archive.writestr(name, content)
        return path

    return make


@pytest.mark.parametrize("kind", ["present", "old"])
def test_an_untrusted_pt2_is_refused_before_it_is_read(vadkit, tmp_path, evil_model, kind):
    marker = tmp_path / "ran"
    model = evil_model(kind, marker)
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    video = tmp_path / "a.mp4"
    video.write_bytes(b"x")
    code, _, err = vadkit("infer", model, video)
    assert code == 5
    assert str(model) in err and digest in err and "--trust-plugins" in err
    assert not marker.exists()


def test_the_malicious_file_runs_code_when_loaded(tmp_path, evil_model):
    """PyTorch itself runs it, so the refusal above is what keeps it from running."""
    import torch

    marker = tmp_path / "ran"
    model = evil_model("present", marker)
    with pytest.raises(Exception):  # noqa: B017
        torch.export.load(model).module()
    assert marker.exists()


def test_a_checkpoint_or_weights_with_code_run_nothing(tmp_path):
    import torch

    from vadkit.data.weights import load_state
    from vadkit.engine.checkpoint import load_checkpoint

    marker = tmp_path / "ran"

    class Payload:
        def __reduce__(self):
            return exec, (leave(marker),)

    path = tmp_path / "last.pt"
    torch.save({"format": 1, "method": Payload()}, path)
    for load, error in ((load_checkpoint, TrainingError), (load_state, DataError)):
        with pytest.raises(error):
            load(path)
    path.write_bytes(pickle.dumps({"format": 1, "method": Payload()}))
    with pytest.raises(TrainingError, match="not a zip archive"):
        load_checkpoint(path)
    with pytest.raises(DataError):
        load_state(path)
    assert not marker.exists()


def onnx_model(path: Path, location: str | None) -> None:
    """A graph that adds ``w``, which lies in another file."""
    onnx = pytest.importorskip("onnx")
    from onnx import helper

    weight = helper.make_tensor("w", 1, [4], [0.0] * 4)
    if location is not None:
        weight.ClearField("float_data")
        weight.data_location = onnx.TensorProto.EXTERNAL
        weight.external_data.add(key="location", value=location)
    values = [helper.make_tensor_value_info(name, 1, [4]) for name in "xyz"]
    inner = helper.make_graph([], "inner", [], [values[1]], [weight])
    node = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    graph = helper.make_graph([node], "g", [values[0]], [values[1]])
    path.write_bytes(helper.make_model(graph).SerializeToString())


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "beside.bin"])
def test_an_onnx_file_reads_no_other_file(tmp_path, location):
    """Not even from within a branch of its graph."""
    pytest.importorskip("onnxruntime")
    from vadkit.methods.exported.method import load_exported

    onnx_model(tmp_path / "m.onnx", location)
    with pytest.raises(DataError, match="takes weights from another file") as caught:
        load_exported(tmp_path / "m.onnx")
    assert location in str(caught.value)


def test_external_data_is_found_in_any_file_and_never_raises(tmp_path):
    from vadkit.methods.exported.onnx_file import external_data

    onnx_model(tmp_path / "m.onnx", None)
    content = (tmp_path / "m.onnx").read_bytes()
    assert external_data(content) is None
    for end in range(len(content)):
        assert external_data(content[:end]) is None
    assert external_data(b"\xff" * 1000) is None


_HIJACK = (
    "torch",
    "json",
    "numpy",
    "yaml",
    "typing",
    "typer",
    "pickle",
    "multiprocessing",
    "signal",
)


@pytest.mark.parametrize("start", ["-m", "script"])
def test_modules_in_the_current_folder_are_not_imported(tmp_path, start):
    """Neither by the command nor by the processes that it starts."""
    package = Path(trust.__file__).parents[1]
    lab = tmp_path / "lab"
    (lab / "videos").mkdir(parents=True)
    for name in _HIJACK:
        (lab / f"{name}.py").write_text(leave(tmp_path / f"ran-{name}") + "raise SystemExit(9)\n")
    shutil.copytree(lab, lab / "beside")
    code = "import sys; sys.path[0] = sys.argv.pop(1); from vadkit.cli import main; main()"
    (tmp_path / "vadkit-script.py").write_text(code.replace("sys.argv.pop(1)", repr(str(package))))
    command = ["-m", "vadkit"] if start == "-m" else [str(tmp_path / "vadkit-script.py")]
    done = subprocess.run(
        [sys.executable, *command, "init", "p", "--videos", "videos", "--no-train"],
        cwd=lab,
        env={**os.environ, "PYTHONPATH": str(package)} | {"PYTHONSAFEPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    # There is no video there; what counts is that it got as far as to say so.
    assert done.returncode == 3, done.stderr
    assert [path.name for path in tmp_path.glob("ran-*")] == []


def test_started_processes_do_not_search_the_current_folder(vadkit, tmp_path, monkeypatch):
    import multiprocessing

    monkeypatch.setenv("PYTHONSAFEPATH", "")
    monkeypatch.chdir(tmp_path)
    assert vadkit("--version").code == 0
    for name in ("multiprocessing", "pickle", "signal"):
        (tmp_path / f"{name}.py").write_text(leave(tmp_path / f"ran-{name}"))
    process = multiprocessing.get_context("spawn").Process(target=os.getpid)
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert list(tmp_path.glob("ran-*")) == []


@pytest.fixture
def repository(tmp_path, monkeypatch):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "file").write_text("x")

    def git(*arguments):
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", "file")
    git("commit", "-qm", "x")
    return folder, git


def test_the_commit_of_the_current_folder_is_recorded(repository):
    from vadkit.workflows.git import git_commit

    folder, git = repository
    commit = git("rev-parse", "--short=12", "HEAD")
    assert git_commit() == commit
    (folder / "file").write_text("changed")
    assert git_commit() == f"{commit}-dirty"


@pytest.mark.parametrize("trap", ["fsmonitor", "hook", "filter"])
def test_a_repository_runs_nothing_when_its_commit_is_read(repository, tmp_path, trap):
    from vadkit.workflows.git import git_commit

    folder, git = repository
    commit = git("rev-parse", "--short=12", "HEAD")
    marker = tmp_path / "ran"
    if trap == "fsmonitor":
        git("config", "core.fsmonitor", f"touch {marker}; false")
    elif trap == "filter":
        git("config", "filter.x.clean", f"touch {marker}; cat")
        (folder / ".git" / "info" / "attributes").write_text("* filter=x\n")
    else:
        hook = folder / ".git" / "hooks" / "post-index-change"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {marker}\n")
        hook.chmod(0o755)
    os.utime(folder / "file", (1, 1))
    assert git_commit() == commit
    assert not marker.exists()


def test_a_damaged_or_shared_trust_file_trusts_nothing(tmp_path, monkeypatch):
    path = tmp_path / "trusted.json"
    monkeypatch.setenv("VADKIT_TRUST", str(path))
    trust.remember({"ab" * 32: tmp_path / "x.py"}, "train")
    assert path.stat().st_mode & 0o777 == 0o600
    assert trust.is_trusted("ab" * 32) and not trust.is_trusted("cd" * 32)
    assert json.loads(path.read_text())["trusted"]["ab" * 32]["by"] == "train"
    path.chmod(0o666)
    with pytest.raises(PluginError, match="other users can change it"):
        trust.is_trusted("ab" * 32)
    path.chmod(0o600)
    for text in ("", "[]", '{"trusted": []}', "[" * 100_000):
        path.write_text(text)
        with pytest.raises(PluginError, match="is damaged"):
            trust.is_trusted("ab" * 32)


def test_many_processes_record_at_once_and_none_is_lost(tmp_path, monkeypatch):
    monkeypatch.setenv("VADKIT_TRUST", str(tmp_path / "t" / "trusted.json"))
    code = (
        "import sys; from pathlib import Path; from vadkit import trust\n"
        "for n in range(10): trust.remember({sys.argv[1] + str(n): Path('x')}, 'train')"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, letter]) for letter in "abc"]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert all(trust.is_trusted(f"{letter}{n}") for letter in "abc" for n in range(10))
