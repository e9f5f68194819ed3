"""A run from a stranger runs none of its plugins until this user has allowed them."""

import hashlib
import json
import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vadkit import plugins, trust

PLUGIN = """\
import os
import vadkit
from vadkit.data.decoding.readers import pyav
from vadkit.hooks.hook import Hook

with open(os.environ["VADKIT_TEST_MARKER"], "a") as file:
    file.write("ran ")


@vadkit.register("hooks", "quiet")
class Quiet(Hook):
    \"\"\"Does nothing so often.\"\"\"

    def __init__(self, *, often: int, loud: bool = False) -> None:
        pass


@vadkit.register("readers", "mine")
def mine(path):
    yield from pyav(path)
"""
RECIPE = """\
name: tiny
plugins: [parts.py]
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 40, train_videos: 1}}
clip: {{frames: 4, size: [48, 64], channels: gray}}
data: {{readers: [mine]}}
method: {{type: conv-ae}}
networks: {{autoencoder: {{width: 8}}}}
train: {{epochs: 1, batch_size: 8}}
hooks: [{{type: checkpoint}}, {{type: quiet, often: 3}}]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run that somebody trained with a plugin, with its scores; copy it before changing it."""
    from vadkit.workflows.evaluate.evaluation import evaluate
    from vadkit.workflows.train import train

    folder = tmp_path_factory.mktemp("made")
    (folder / "parts.py").write_text(PLUGIN)
    (folder / "tiny.yaml").write_text(RECIPE.format(root=folder / "scene"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VADKIT_TEST_MARKER", str(folder / "maker-ran"))
        patch.setenv("VADKIT_TRUST", str(folder / "maker.json"))
        run = train(folder / "tiny.yaml", runs=folder / "runs")
        evaluate(run)
    return run


@pytest.fixture
def marker(tmp_path, monkeypatch):
    """Appears when the plugin runs for the user, who trusts nothing yet."""
    monkeypatch.setenv("VADKIT_TRUST", str(tmp_path / "config" / "trusted.json"))
    monkeypatch.setenv("VADKIT_TEST_MARKER", str(tmp_path / "ran"))
    return tmp_path / "ran"


@pytest.fixture
def strange(made, marker, tmp_path):
    """The run as it came to this user."""
    return Path(shutil.copytree(made, tmp_path / "got" / "run"))


@pytest.fixture
def video(made):
    return sorted((made.parents[2] / "scene").rglob("*.mp4"))[0]


DIGEST = hashlib.sha256(PLUGIN.encode()).hexdigest()


def test_training_records_what_it_wrote(made):
    known = json.loads((made.parents[2] / "maker.json").read_text())["trusted"]
    assert list(known) == [DIGEST]
    assert known[DIGEST]["file"] == str(made.absolute() / "plugins" / "parts.py")
    assert known[DIGEST]["by"] == "train"


@pytest.mark.parametrize(
    "command",
    [
        "eval RUN",
        "infer RUN VIDEO",
        "watch RUN VIDEO",
        "report RUN",
        "compare RUN OTHER",
        "calibrate RUN",
        "export RUN",
        "train --resume RUN",
        "eval --scores RUN/scores --labels RUN/recipe.yaml",
    ],
)
def test_no_command_runs_plugins_of_an_untrusted_run(
    vadkit, strange, marker, video, tmp_path, monkeypatch, command
):
    monkeypatch.chdir(tmp_path)
    other = shutil.copytree(strange, tmp_path / "other")
    places = {"RUN": strange, "VIDEO": video, "OTHER": other}
    for name, place in places.items():
        command = command.replace(name, str(place))
    arguments = command.split()
    code, _, err = vadkit(*arguments)
    assert code == 5
    assert err.strip() == (
        f"error: {strange}/plugins/parts.py is code that this user's training did not write "
        f"(sha256 {DIGEST}). Read it; to run it, add --trust-plugins"
    )
    assert not marker.exists()


def test_with_the_flag_it_runs_and_needs_no_flag_again(vadkit, strange, marker, video, tmp_path):
    command = ("infer", strange, video, "--out", tmp_path / "out", "--sink", "jsonl")
    code, _, err = vadkit(*command, "--trust-plugins")
    assert code == 0, err
    assert f"trusted from now on: {strange}/plugins/parts.py (sha256 {DIGEST})" in err
    # In this process and in the one that decodes.
    assert marker.read_text() == "ran ran "
    code, _, err = vadkit(*command, "--again")
    assert code == 0 and "trusted" not in err
    assert trust.is_trusted(DIGEST)


@pytest.mark.slow
def test_scoring_processes_need_no_second_permission(vadkit, strange, marker, video, tmp_path):
    shutil.copy(video, tmp_path / "b.mp4")
    command = ("infer", strange, video, tmp_path / "b.mp4", "--workers", 2, "--sink", "jsonl")
    code, _, err = vadkit(*command, "--trust-plugins")
    assert code == 0, err
    assert len(marker.read_text().split()) >= 4


def test_a_changed_plugin_is_another_one(vadkit, strange, marker, video):
    trust.remember({DIGEST: strange}, "test")
    plugin = strange / "plugins" / "parts.py"
    plugin.write_text(PLUGIN + "# changed\n")
    code, _, err = vadkit("infer", strange, video)
    assert code == 5 and hashlib.sha256(plugin.read_bytes()).hexdigest() in err
    assert not marker.exists()


def test_exactly_the_checked_content_runs(tmp_path, marker, monkeypatch):
    """The file is changed right after it was read."""
    path = tmp_path / "parts.py"
    path.write_text("good = True\n")
    trust.remember({trust.digest(b"good = True\n"): path}, "test")
    read = trust.read_small

    def read_then_change(file):
        content = read(file)
        path.write_text(PLUGIN)
        return content

    monkeypatch.setattr(trust, "read_small", read_then_change)
    plugins.load_trusted([path])
    assert not marker.exists()
    # The processes that it starts get what ran here too.
    assert plugins.as_run([path])[0].content == b"good = True\n"


def test_a_compiled_copy_next_to_a_trusted_plugin_is_not_run(tmp_path, marker):
    path = tmp_path / "parts.py"
    evil, good = PLUGIN.encode(), b"#" * (len(PLUGIN) - 1) + b"\n"
    path.write_bytes(evil)
    os.utime(path, (1_000_000, 1_000_000))
    py_compile.compile(str(path))
    path.write_bytes(good)
    os.utime(path, (1_000_000, 1_000_000))
    assert list(tmp_path.glob("__pycache__/parts.*.pyc"))
    trust.remember({trust.digest(good): path}, "test")
    plugins.load_trusted([path])
    assert not marker.exists()


@pytest.mark.parametrize("flag", [[], ["--trust-plugins"]])
@pytest.mark.parametrize("place", ["../evil.py", "ABSOLUTE", "plugins/link.py", "parts.py"])
def test_a_run_uses_only_its_own_files(vadkit, strange, marker, video, place, flag):
    evil = strange.parent / "evil.py"
    evil.write_text(PLUGIN)
    (strange / "parts.py").write_text(PLUGIN)
    (strange / "plugins" / "link.py").symlink_to(evil)
    recipe = strange / "recipe.yaml"
    named = place.replace("ABSOLUTE", str(evil))
    recipe.write_text(recipe.read_text().replace("plugins/parts.py", named))
    code, _, err = vadkit("infer", strange, video, *flag)
    assert code == 5 and f"which is not in {strange}/plugins" in err
    assert not marker.exists() and not trust.trust_file().exists()


@pytest.mark.parametrize("kind", ["device", "pipe", "folder", "huge"])
def test_a_plugin_that_is_not_a_file_is_reported_at_once(vadkit, tmp_path, marker, kind):
    path = tmp_path / "parts.py"
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        with path.open("wb") as file:
            file.truncate(1 << 30)
    code, _, err = vadkit("validate", "quickstart", "--plugin", path)
    assert code == 5 and str(path) in err and "Traceback" not in err


@pytest.fixture
def recipe(tmp_path, marker):
    (tmp_path / "parts.py").write_text(PLUGIN)
    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE.format(root=tmp_path / "scene"))
    return path


def test_validate_checks_names_of_a_plugin_without_running_it(vadkit, recipe, marker):
    code, out, err = vadkit("validate", recipe)
    assert code == 0, err
    assert "type: quiet" in out
    assert "parts.py was not run" in err
    text = recipe.read_text()
    for wrong, fault in {
        "{type: quite, often: 3}": "no hooks component named 'quite'; did you mean 'quiet'?",
        "{type: quiet, oftn: 3}": "oftn: unknown parameter; did you mean 'often'?",
        "{type: quiet}": "often: missing; this parameter is required",
    }.items():
        recipe.write_text(text.replace("{type: quiet, often: 3}", wrong))
        code, _, err = vadkit("validate", recipe)
        assert code == 2 and fault in err and "mine.yaml:9" in err
    assert not marker.exists()


def test_validate_of_a_method_in_a_plugin(vadkit, recipe, marker):
    (recipe.parent / "parts.py").write_text(
        PLUGIN + "\n\n@vadkit.register('methods', 'my-method')\nclass Mine(vadkit.Method): ...\n"
    )
    recipe.write_text(recipe.read_text().replace("conv-ae", "my-method"))
    code, out, err = vadkit("validate", recipe)
    assert code == 0, err
    assert "type: my-method" in out and "method 'my-method' is in a plugin" in err
    code, _, err = vadkit("validate", recipe, "--set", "train.epoch=2", "--set", "hooks.0.evry=1")
    assert code == 2
    assert "train.epoch: unknown parameter; did you mean 'epochs'?" in err and "hooks.0.evry" in err
    assert not marker.exists()


@pytest.mark.parametrize("text", ["def (", "\0", "(" * 5000, "-" * 100_000 + "1", "# coding: x\n"])
def test_validate_of_a_plugin_that_is_not_python(vadkit, recipe, text):
    (recipe.parent / "parts.py").write_text(text)
    code, _, err = vadkit("validate", recipe)
    assert code == 5 and "parts.py" in err and "Traceback" not in err


def test_a_recipe_that_the_user_names_may_be_edited_all_day(vadkit, recipe, marker, tmp_path):
    for edit in range(2):
        (tmp_path / "parts.py").write_text(PLUGIN + f"# edit {edit}\n")
        code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs")
        assert code == 0, err
        code, _, err = vadkit("eval", out.strip())
        assert code == 0, err
        plugins._ran.clear()
        for table in plugins.registry._registered.values():
            table.clear()


def test_two_plugins_of_one_name_are_both_saved(vadkit, recipe, marker, tmp_path):
    more = tmp_path / "more" / "parts.py"
    more.parent.mkdir()
    more.write_text("more = True\n")
    code, out, err = vadkit("train", recipe, "--plugin", more, "--runs", tmp_path / "runs")
    assert code == 0, err
    run = Path(out.strip())
    assert (run / "plugins" / "parts.py").read_text() == PLUGIN
    assert (run / "plugins" / "parts-2.py").read_text() == "more = True\n"
    assert vadkit("eval", run).code == 0


def test_training_continues_if_trust_cannot_be_recorded(vadkit, recipe, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VADKIT_TRUST", str(tmp_path / "file" / "trusted.json"))
    done = subprocess.run(
        [sys.executable, "-m", "vadkit", "train", str(recipe), "--runs", str(tmp_path / "runs")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Later commands will ask for --trust-plugins" in done.stderr
    run = done.stdout.strip()
    code, _, err = vadkit("eval", run, "--trust-plugins")
    assert code == 5 and "a file is in the place of a folder" in err


def test_a_project_of_init_is_trusted(vadkit, video, tmp_path, marker, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    shutil.copy(video, tmp_path / "videos")
    assert vadkit("init", "yard", "--videos", "videos", "--no-train").code == 0
    content = (tmp_path / "yard" / "my_parts.py").read_bytes()
    assert trust.is_trusted(trust.digest(content))
    assert not trust.is_trusted(trust.digest(content + b"\n"))


SINKS = {
    "webhook": "{type: webhook, url: 'http://127.0.0.1:9/x', secret_env: VADKIT_TEST_MARKER}",
    "mqtt": "{type: mqtt, host: 127.0.0.1, user: a, password_env: VADKIT_TEST_MARKER}",
    "frigate": "{type: frigate, url: 'http://127.0.0.1:9', user: a}",
}


@pytest.mark.parametrize("command", ["infer", "watch"])
@pytest.mark.parametrize("sink", SINKS)
def test_an_untrusted_run_sends_nothing_to_other_machines(
    vadkit, strange, marker, video, tmp_path, sink, command
):
    """Neither video nor the variable of the environment that its recipe names as the password."""
    trust.remember({DIGEST: strange}, "test")
    recipe = strange / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("sinks: []", f"sinks: [{SINKS[sink]}]"))
    digest = hashlib.sha256(recipe.read_bytes()).hexdigest()
    code, _, err = vadkit(command, strange, video, "--out", tmp_path / "out")
    assert code == 5
    assert f"{recipe} sends alarms to another machine ({sink})" in err and digest in err
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").glob("*.jsonl")) == []
    # Sinks of this machine, and those that the user names, are used as ever.
    code, _, err = vadkit("infer", strange, video, "--out", tmp_path / "out", "--sink", "jsonl")
    assert code == 0, err


def test_sinks_of_the_users_own_run_are_used(vadkit, recipe, marker, video, tmp_path):
    recipe.write_text(recipe.read_text() + "sinks: [{type: webhook, url: 'http://127.0.0.1:9'}]\n")
    code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs")
    assert code == 0, err
    from vadkit.workflows.run_sinks import own_sinks

    run = Path(out.strip())
    assert [spec.type for spec in own_sinks(run)] == ["webhook"]
    other = Path(shutil.copytree(run, tmp_path / "copy"))
    assert [spec.type for spec in own_sinks(other)] == ["webhook"]
