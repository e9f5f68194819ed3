"""`import vadkit`: the public names, where they lead, and that nothing heavy is loaded for them."""

from __future__ import annotations

import ast
import email
import importlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import vadkit

ROOT = Path(__file__).parents[1]
SOURCE = ast.parse((ROOT / "vadkit" / "__init__.py").read_text())


def imports_for_type_checkers() -> dict[str, str]:
    """The names under ``if TYPE_CHECKING``, with their modules."""
    block = next(node for node in SOURCE.body if isinstance(node, ast.If))
    return {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("vadkit")
        for alias in node.names
    }


def test_all_lists_agree():
    assert imports_for_type_checkers() == vadkit._HOMES
    assert sorted({*vadkit._HOMES, "__version__"}) == sorted(vadkit.__all__)
    assert len(set(vadkit.__all__)) == len(vadkit.__all__)
    assert set(vadkit.__all__) <= set(dir(vadkit))


@pytest.mark.parametrize("name", vadkit._HOMES)
def test_a_name_is_the_object_in_its_module_with_a_docstring(name):
    found = getattr(vadkit, name)
    assert found is getattr(importlib.import_module(vadkit._HOMES[name]), name)
    # The object is defined in that module or, for `load_recipe` and `Recipe`, below it.
    assert found.__module__.startswith(vadkit._HOMES[name])
    assert found.__doc__


def test_what_the_issue_names_is_offered():
    wanted = (
        "train resume evaluate infer calibrate compare load_recipe Detector register Method Update "
        "Scores Clips ClipSpec Hook VadkitError RecipeError DataError TrainingError PluginError"
    )
    assert set(wanted.split()) <= set(vadkit.__all__)


def test_every_error_is_offered():
    errors = importlib.import_module("vadkit.errors")
    kinds = {name for name, one in vars(errors).items() if isinstance(one, type)}
    assert kinds <= set(vadkit.__all__)


def test_star_import_gives_all_names():
    scope: dict[str, object] = {}
    exec("from vadkit import *", scope)
    assert set(vadkit.__all__) <= set(scope)


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(AttributeError, match="no attribute 'Detectr'") as caught:
        _ = vadkit.Detectr
    assert caught.value.obj is vadkit and caught.value.name == "Detectr"
    with pytest.raises(ImportError, match="Detectr"):
        exec("from vadkit import Detectr")


@pytest.mark.parametrize(
    ("line", "unwanted"),
    [
        ("import vadkit; dir(vadkit)", {"torch", "numpy", "pydantic", "yaml", "difflib"}),
        ("from vadkit import register, RecipeError", {"torch", "numpy", "pydantic"}),
        ("from vadkit import load_recipe, Recipe", {"torch"}),
    ],
)
def test_importing_is_light(line, unwanted):
    script = f"import sys; {line}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not unwanted & set(done.stdout.split())


@pytest.mark.slow
def test_a_type_checker_sees_the_types(tmp_path):
    pytest.importorskip("mypy")
    (tmp_path / "user.py").write_text(
        "import vadkit\n"
        "reveal_type(vadkit.train('quickstart'))\n"
        "reveal_type(vadkit.evaluate('run')['raw']['micro-auc'])\n"
        "vadkit.train(3)\n"
        "vadkit.trian\n"
    )
    # Only the modules that state these types; all of them, and PyTorch's, take half a minute.
    (tmp_path / "mypy.ini").write_text(
        "[mypy]\nstrict = True\nfollow_imports = skip\n"
        "[mypy-vadkit,vadkit.workflows.train,vadkit.workflows.evaluate.*,vadkit.recipe.*]\n"
        "follow_imports = silent\n"
    )
    command = [sys.executable, "-m", "mypy", "--config-file", str(tmp_path / "mypy.ini")]
    command += ["--cache-dir", str(tmp_path / "cache"), str(tmp_path / "user.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert 'Revealed type is "pathlib.Path"' in done.stdout, done.stdout
    assert 'user.py:3: note: Revealed type is "float"' in done.stdout.replace("builtins.", "")
    assert re.search(r'user.py:4: error: Argument 1 to "train"', done.stdout)
    assert re.search(r'user.py:5: error: Module has no attribute "trian"', done.stdout)


def test_the_wheel_says_that_it_has_types(tmp_path):
    pytest.importorskip("hatchling")
    assert (ROOT / "vadkit" / "py.typed").read_bytes() == b""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
        (about,) = (name for name in names if name.endswith("METADATA"))
        needs = email.message_from_bytes(file.read(about)).get_all("Requires-Dist") or []
    assert {
        "vadkit/py.typed",
        "vadkit/arguments.py",
        "vadkit/recipe/shipped/quickstart.yaml",
    } <= names
    assert not any(name.startswith(("examples", "tests")) for name in names)
    # pandas is optional.
    assert [one for one in needs if "pandas" in one and "extra" not in one] == []
