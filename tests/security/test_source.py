"""What in the package's own source could run code that came as data: only what stands here."""

import ast
from pathlib import Path

import vadkit

PACKAGE = Path(vadkit.__file__).parent

# File and call -> why it may.
ALLOWED = {
    ("__init__.py", "import_module"): "names of the table above it",
    ("registry.py", "import_module"): "names of our tables, and entry points of installed packages",
    ("plugins.py", "exec"): "plugins, once their content is allowed",
    ("plugins.py", "compile"): "the same",
    ("data/clips/loader.py", "pickle.loads"): "what the process that started this one has pickled",
    ("data/clips/loader.py", "pickle.dumps"): "the same",
    ("methods/exported/method.py", "torch.export.load"): "files whose digest is trusted",
    ("data/decoding/child.py", "subprocess.Popen"): "this interpreter",
    ("inference/sinks/drawing.py", "subprocess.Popen"): "this interpreter",
    ("data/labels/matlab.py", "subprocess.run"): "this interpreter",
    ("workflows/launch.py", "subprocess.Popen"): "this interpreter",
    ("workflows/ray_tasks.py", "pickle.loads"): "what the command that sent the task has pickled",
    ("workflows/doctor.py", "subprocess.run"): "timedatectl, which asks about the clock",
    ("workflows/outside/captioner.py", "subprocess.run"): "the program that the user gives",
    ("workflows/git.py", "subprocess.run"): "git, with what a repository could run switched off",
}
_NAMES = {"eval", "exec", "compile", "__import__", "import_module"}
_MODULES = {"pickle", "marshal", "shelve", "dill", "joblib", "subprocess", "runpy", "pty"}
_WHOLE = {
    "os.system",
    "os.popen",
    "torch.export.load",
    "torch.jit.load",
    "torch.hub.load",
    "torch.package.PackageImporter",
    "yaml.load",
    "yaml.full_load",
    "yaml.unsafe_load",
    "yaml.load_all",
    "sympy.sympify",
    "torch.ops.load_library",
    "importlib.util.spec_from_file_location",
}
# Names that come from a table, a Literal or a tuple of ours; each was looked at.
COMPUTED_GETATTR = {
    "__init__.py": "the table above it",
    "registry.py": "our tables and entry points of installed packages",
    "hooks/dispatch.py": "names of events",
    "hooks/metrics_log.py": "a tuple of names of fields",
    "densities/density.py": "names of buffers",
    "methods/motion_field/method.py": "names of buffers",
    "methods/place_features.py": "names of buffers",
    "methods/scene_bank.py": "names of buffers",
    "data/objects/torchvision.py": "a Literal of names of models",
    "networks/pretext.py": "names of its own heads",
    "workflows/run.py": "names of sections of a recipe",
    "workflows/site/watch.py": "a tuple of names of fields",
    "workflows/ray_cluster.py": "whatever is asked of stdout",
}


def calls():
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield path.relative_to(PACKAGE).as_posix(), ast.unparse(node.func), node


def keyword(node, name):
    return next((ast.unparse(one.value) for one in node.keywords if one.arg == name), None)


def test_nothing_else_can_run_code_from_files():
    found = set()
    for file, name, node in calls():
        last = name.rpartition(".")[2]
        module = name.partition(".")[0]
        plain = name in _NAMES or last in {"import_module", "exec_module", "load_module"}
        if plain or name in _WHOLE or (module in _MODULES and module != name):
            found.add((file, name.replace("importlib.", "")))
        if last == "load" and name.startswith(("torch.load", "np.load", "numpy.load")):
            assert keyword(node, "allow_pickle") in (None, "False"), file
            if name.startswith("torch"):
                assert keyword(node, "weights_only") == "True", file
        assert keyword(node, "shell") in (None, "False"), file
    assert found == set(ALLOWED), found ^ set(ALLOWED)


def test_yaml_is_loaded_safely():
    for file, name, _ in calls():
        assert not (name.startswith("yaml.") and "load" in name and name != "yaml.safe_load"), file
    source = (PACKAGE / "recipe" / "source.py").read_text(encoding="utf-8")
    assert "class _Loader(yaml.SafeLoader)" in source


def test_attributes_by_computed_names_are_few_and_known():
    found = {
        file
        for file, name, node in calls()
        if name == "getattr" and not isinstance(node.args[1], ast.Constant)
    }
    assert found == set(COMPUTED_GETATTR)
