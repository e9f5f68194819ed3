"""Names to components, parameters from signatures, and what other packages add."""

import importlib.metadata
import sys
import types
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field, ValidationError

from vadkit import plugins, registry, signatures
from vadkit.errors import PluginError, RecipeError
from vadkit.recipe.parts import check_section
from vadkit.registry import Component, components, find, params_model, register

EVERY = [component for family in registry.FAMILIES for component in components(family).values()]


@pytest.mark.parametrize("component", EVERY, ids=lambda c: f"{c.family}-{c.name}")
def test_every_component_loads_and_is_described_as_it_is(component):
    """The text of the source, read without importing, says what the signature says."""
    loaded = component.load()
    info = signatures.describe(component)
    assert info.summary
    assert info.description.split() == (loaded.__doc__ or "").split()
    real = registry.parameters(loaded)
    assert [p.name for p in info.parameters] == list(real)
    for shown in info.parameters:
        default = real[shown.name].default
        if shown.required:
            assert default is real[shown.name].empty
        elif shown.default.startswith("Path("):
            assert shown.default == f"Path({str(default)!r})".replace("'", "'")
        else:
            assert eval(shown.default) == default
    params_model(loaded)


def outer(given, *, size: Annotated[int, Field(ge=1)] = 3, names: tuple[str, ...] = ()):
    """A component of an outsider."""
    return given, size, names


def test_register_find_and_build():
    register("networks", "outer")(outer)
    assert find("networks", "outer").load() is outer
    assert registry.build("networks", "outer", {"size": 4}, "given") == ("given", 4, ())
    with pytest.raises(ValidationError):
        registry.build("networks", "outer", {"size": 0}, "given")
    (size, names) = signatures.describe(find("networks", "outer")).parameters
    assert (size.type, size.default, size.bounds) == ("int", "3", ">= 1")
    assert names.type == "tuple[str, ...]"


def test_a_registered_component_in_full():
    assert register("networks", "outer")(outer) is outer
    found = find("networks", "outer")
    assert (found.family, found.name, found.obj) == ("networks", "outer", outer)
    assert found.target == f"{outer.__module__}:outer"
    assert Path(found.origin) == Path(__file__)
    assert found.loose and not found.declared


@pytest.mark.parametrize(
    ("family", "name", "message"),
    [
        (5, "a", "'family' must be a str; got int 5"),
        ("networks", None, "'name' must be a str; got NoneType None"),
        (
            "network",
            "a",
            "register('network', 'a'): no such family; did you mean 'networks'? Known: methods, ",
        ),
        ("zzz", "a", "register('zzz', 'a'): no such family; known: methods, features, "),
    ],
)
def test_register_names_the_argument_at_fault(family, name, message):
    with pytest.raises((TypeError, PluginError)) as caught:
        register(family, name)
    assert str(caught.value).startswith(message)


def test_no_hint_for_a_name_that_resembles_nothing():
    assert registry.did_you_mean("zzz", ["abc", "def"]) == ""
    assert registry.did_you_mean("abd", ["abc", "xyz"]) == "; did you mean 'abc'?"
    # Six of ten characters in common are enough, half of them are not.
    assert registry.did_you_mean("abcdeXXXXX", ["abcdefghij"]) == ""
    assert registry.did_you_mean("abcdefXXXX", ["abcdefghij"]) == "; did you mean 'abcdefghij'?"
    # Comparing takes long for a long name, and nothing resembles it.
    assert registry.did_you_mean("a" * 101, ["a" * 101]) == ""
    assert registry.did_you_mean("a" * 100, ["a" * 100]) != ""


def test_a_spec_is_built_with_what_vadkit_supplies():
    register("networks", "outer")(outer)
    spec = {"type": "outer", "size": 4, "names": ("a",)}
    assert registry.build_spec("networks", spec, "given") == ("given", 4, ("a",))
    assert spec["type"] == "outer"


def test_a_taken_name_lists_both_origins():
    register("networks", "outer")(outer)
    with pytest.raises(
        PluginError, match=r"'outer' .*test_registry.py is already registered by .*test_registry"
    ):
        register("networks", "outer")(outer)
    with pytest.raises(PluginError, match="already registered by vadkit"):
        register("networks", "unet")(outer)
    with pytest.raises(PluginError, match="no such family; did you mean 'networks'"):
        register("network", "x")


def test_a_wrong_name_lists_the_nearest_and_the_known():
    with pytest.raises(RecipeError, match=r"did you mean 'cosine'\? Known: constant, cosine"):
        find("schedulers", "cosin")


class Point:
    """Looks like an installed package's entry point."""

    def __init__(self, name, value):
        self.name, self.value = name, value
        self.dist = type("Dist", (), {"name": "their-package"})


def test_entry_points_of_installed_packages(monkeypatch, tmp_path):
    (tmp_path / "their_package").mkdir()
    (tmp_path / "their_package" / "__init__.py").write_text("raise ImportError('imported!')")
    (tmp_path / "their_package" / "nets.py").write_text(
        'class Theirs:\n    """Their network."""\n    def __init__(self, *, depth: int = 2): ...\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    # An import is forgotten before the test and after it.
    for module in ("their_package", "their_package.nets"):
        monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.setitem(sys.modules, module, None)
        del sys.modules[module]
    points = {"vadkit.networks": [Point("theirs", "their_package.nets:Theirs")]}
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points.get(group, []))
    # Looked up once a process otherwise.
    monkeypatch.setattr(registry, "_from_packages", registry._from_packages.__wrapped__)
    component = components("networks")["theirs"]
    info = signatures.describe(component)
    assert (info.summary, info.origin) == ("Their network.", "package their-package")
    assert [p.name for p in info.parameters] == ["depth"]
    with pytest.raises(PluginError, match=r"package their-package cannot be loaded.*imported!"):
        component.load()
    (tmp_path / "their_package" / "__init__.py").write_text("")
    assert component.load().__name__ == "Theirs"
    points["vadkit.networks"].append(Point("unet", "their_package.nets:Theirs"))
    with pytest.raises(
        PluginError, match="'unet' is defined twice: by vadkit and by package their"
    ):
        components("networks")


def test_parameters_are_only_the_keyword_only_ones():
    component = Component("networks", "outer", "x:y", "test", outer)
    assert list(registry.parameters(component.load())) == ["size", "names"]
    with pytest.raises(ValidationError, match="given"):
        params_model(outer)(given=1)


@pytest.fixture
def session(monkeypatch):
    """A function that runs a cell as a notebook does: in a ``__main__`` without a file."""
    main = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)

    def run(cell):
        exec(compile(cell, "<cell>", "exec"), main.__dict__)
        return main

    return run


CELL = """
import vadkit

@vadkit.register("scorers", "mine")
class Mine:
    '''Nothing.'''

    def __init__(self, *, width: int = {width}): ...
"""


def test_a_class_of_a_notebook_is_registered_though_python_knows_no_file_of_it(session):
    main = session(CELL.format(width=3))
    found = find("scorers", "mine")
    assert (found.load(), found.origin, found.loose) == (main.Mine, "this session", True)
    assert signatures.describe(found).name == "mine"


def test_a_cell_that_is_run_again_replaces_its_component(session):
    session(CELL.format(width=3))
    main = session(CELL.format(width=4))
    assert find("scorers", "mine").load() is main.Mine
    assert registry.params_model(main.Mine)().width == 4


def test_a_cell_replaces_no_component_of_vadkit_or_of_a_file(session):
    with pytest.raises(PluginError, match="'ema' from this session is already registered by vadki"):
        session(CELL.format(width=3).replace("mine", "ema"))
    register("scorers", "mine")(outer)
    with pytest.raises(PluginError, match=r"from this session is already registered by .*\.py"):
        session(CELL.format(width=3))
    assert find("scorers", "mine").load() is outer


def test_a_plugin_that_changed_since_it_ran_asks_for_a_restart(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(CELL.format(width=3))
    plugins.load_plugin(path)
    assert not find("scorers", "mine").loose
    path.write_text(CELL.format(width=4))
    with pytest.raises(
        PluginError, match="the file has changed since this process ran it: restart"
    ):
        plugins.load_plugin(path)
    assert registry.params_model(find("scorers", "mine").load())().width == 3


def test_a_plugin_that_registers_a_name_twice_is_told_to_choose_another(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(CELL.format(width=3) * 2)
    with pytest.raises(PluginError, match="choose another name"):
        plugins.load_plugin(path)


class OfATypeChecker:
    """A component whose file imports the type of what it is given for type checkers only."""

    def __init__(self, given: "Unknown", *, size: "Annotated[int, Field(ge=1)]" = 3, other=None):  # noqa: F821
        super().__init__()


def test_other_annotations_may_name_what_only_a_type_checker_imports():
    size, other = registry.parameters(OfATypeChecker).values()
    assert size.default == 3 and size.annotation.__metadata__[0].metadata
    assert other.default is None and other.annotation is Any
    with pytest.raises(ValidationError):
        params_model(OfATypeChecker)(size=0)


@pytest.mark.parametrize(
    ("annotation", "said"),
    [("Intt", "name 'Intt' is not defined"), ("int[", "SyntaxError"), ("int.no", "'no'")],
)
def test_an_annotation_that_cannot_be_evaluated_is_one_clear_line(annotation, said):
    def broken(given: "Unknown", *, size=3): ...  # noqa: F821

    broken.__annotations__["size"] = annotation
    register("networks", "broken")(broken)
    faults = []
    with pytest.raises(PluginError) as caught:
        check_section({"type": "broken"}, ("networks",), "networks", "one", faults)
    text = str(caught.value)
    assert "networks 'broken' from " in text and "its parameters cannot be read" in text
    assert said in text and "\n" not in text


def test_an_unknown_family_is_answered_with_all_families():
    with pytest.raises(RecipeError) as caught:
        components("network")
    assert str(caught.value) == (
        "no component family 'network'; did you mean 'networks'? Known: "
        + ", ".join(registry.FAMILIES)
    )


def test_a_parameter_without_an_annotation_takes_anything():
    def loose(*, value, other: int = 3):
        pass

    found = registry.parameters(loose)
    assert found["value"].annotation is Any and found["other"].annotation is int
    assert params_model(loose)(value=object).other == 3
