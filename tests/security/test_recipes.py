"""Recipes and options of strangers: a recipe or faults that can be read, never anything else."""

import importlib
import random
import sys
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.errors import RecipeError, VadkitError
from vadkit.inference.sinks.build import parse_sink
from vadkit.recipe import Recipe, RecipeFaults, load_recipe, resolve
from vadkit.recipe.search import parse_search

sys.path.insert(0, str(Path(__file__).parent))
mutations = importlib.import_module("mutations")

RECIPES = sorted((Path(__file__).parents[2] / "recipes").rglob("*.yaml"))
BASE = (Path(__file__).parents[2] / "recipes" / "quickstart.yaml").read_text()


def faults_of(tmp_path, text, *overrides):
    path = tmp_path / "recipe.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RecipeFaults) as error:
        load_recipe(path, overrides)
    assert len(str(error.value)) < 20_000
    return str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}-{path.stem}")
@settings(max_examples=4, database=None)
@given(seed=st.integers(0, 2**32))
def test_mutated_recipes_give_a_recipe_or_faults(tmp_path_factory, path, seed):
    draw, text = random.Random(seed), path.read_text()
    tree, folder = yaml.safe_load(text), tmp_path_factory.getbasetemp() / "mutated"
    folder.mkdir(exist_ok=True)
    target = folder / "recipe.yaml"
    for count in range(100):
        in_text = count % 20 == 0
        given = mutations.mutate_text(text, draw) if in_text else mutations.mutate_tree(tree, draw)
        try:
            if in_text:
                target.write_text(given, encoding="utf-8", errors="surrogatepass")
                found = load_recipe(target)
            else:
                found = resolve(given if isinstance(given, dict) else {"method": given})
        except VadkitError as error:
            said = str(error)
        except Exception as error:
            raise AssertionError(f"{given!r} gave {type(error).__name__}: {error}") from error
        else:
            said = "a recipe"
            assert isinstance(found, Recipe)
            assert "/" not in found.name and found.name not in ("", ".", "..")
        assert 0 < len(said) < 20_000, given
    assert [one.name for one in folder.iterdir()] == ["recipe.yaml"]


@pytest.mark.parametrize("text", ["x: " + "[" * 500, "x: " + "{a: " * 500, "x:\n  " + "- " * 500])
def test_nested_brackets(tmp_path, text):
    shown = faults_of(tmp_path, BASE + text)
    assert ": not valid YAML: nested more than 50 deep" in shown and len(shown.splitlines()) == 1


def test_deep_blocks_name_the_line(tmp_path):
    text = "".join("  " * depth + "a:\n" for depth in range(400))
    assert "recipe.yaml:50: not valid YAML: nested more than 50 deep" in faults_of(tmp_path, text)


def test_a_recipe_of_50_mb_is_not_read(tmp_path):
    started = time.monotonic()
    assert "larger than 1 MiB" in faults_of(tmp_path, BASE + "#" * 50_000_000)
    assert time.monotonic() - started < 2


def test_a_million_values_end_early(tmp_path):
    started = time.monotonic()
    assert "contains more than 20000 values" in faults_of(tmp_path, BASE + f"x: [{'1,' * 500_000}]")
    assert time.monotonic() - started < 20


def test_19000_unknown_keys_show_20_and_keep_all(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(BASE + "".join(f"k{number}: 1\n" for number in range(19_000)))
    with pytest.raises(RecipeFaults) as error:
        load_recipe(path)
    lines = str(error.value).splitlines()
    assert len(error.value.faults) == 19_000 and len(lines) == 21
    assert len(str(error.value)) < 10_000
    assert lines[-1] == f"{path}: and 18,980 more errors"


@pytest.mark.parametrize(
    "name",
    [
        "..",
        ".",
        "...",
        "''",
        "' '",
        "a/b",
        "'a\\nb'",
        "'\\x1b[31m'",
        "'\\u202e'",
        "'a\\0'",
        "n" * 300,
        "é" * 101,
        "'\\ud800'",
        "[a]",
        "1",
    ],
)
def test_names_that_cannot_be_a_folder(tmp_path, name):
    name = name.replace("'", '"')
    shown = faults_of(tmp_path, BASE.replace("name: quickstart", f"name: {name}"))
    assert ":2: name: " in shown
    assert all(character.isprintable() for line in shown.splitlines() for character in line)


def test_the_name_of_the_file_is_checked_too(tmp_path):
    path = tmp_path / "a\nb.yaml"
    path.write_text(BASE.replace("name: quickstart\n", ""))
    with pytest.raises(RecipeFaults, match=r"a\\x0ab\.yaml:2: name: must be a name on one line"):
        load_recipe(path)


def test_numbers_beyond_64_bits(tmp_path):
    for number in ("9" * 10_000, "0x" + "f" * 10_000, "1" + ":1" * 2000, str(2**64), "1:1.5" * 99):
        shown = faults_of(tmp_path, BASE.replace("epochs: 4", f"epochs: {number}"))
        place = BASE[: BASE.index("epochs:")].count("\n") + 1
        assert f":{place}: train.epochs: " in shown and len(shown) < 500
    assert "must be a finite number; got 1e999" in faults_of(tmp_path, BASE, "train.epochs=1e999")


@pytest.mark.parametrize("seed", [-1, 2**63, 2**64, 10**30])
def test_seeds_are_of_63_bits(tmp_path, seed):
    assert "train.seed" in faults_of(tmp_path, BASE, f"train.seed={seed}")
    assert "seed" in faults_of(tmp_path, BASE, f"dataset.seed={seed}")


def test_the_largest_seed_seeds(tmp_path):
    from vadkit.workflows.build import seed_everything

    path = tmp_path / "recipe.yaml"
    path.write_text(BASE)
    assert load_recipe(path, [f"train.seed={2**63 - 1}"]).train.seed == 2**63 - 1
    seed_everything(2**63 - 1)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("²=1", "²: unknown section"),
        ("train.²=1", "train.²: unknown parameter"),
        ("augments.99999999999=1", "there is no entry '99999999999'"),
        ("augments.-1=1", "there is no entry '-1'"),
        (f"augments.{'9' * 5000}=1", "there is no entry"),
        ("augments.٠.p=1", "there is no entry '٠'"),
        ("a." * 10_000 + "b=1", "the key has 10001 parts; at most 50"),
        ("x=" + "[" * 500, "nested more than 50 deep"),
        ('dataset.root="a\\0b"', "dataset.root: contains a NUL character"),
        ('plugins=["\\0"]', "plugins.0: contains a NUL character"),
        ("clip.size=[1000000000, 8]", "clip.size.0: must be less than or equal to 16384"),
    ],
)
def test_options_that_set(tmp_path, option, words):
    assert words in faults_of(tmp_path, BASE, option)


def test_texts_with_tags_that_do_not_fit(tmp_path):
    for text in (
        "!!int ''",
        "!!float ''",
        "!!bool x",
        "!!timestamp x",
        "!!binary '!'",
        "!!set {a}",
    ):
        place = BASE.count("\n") + 1
        assert f":{place}: x: " in faults_of(tmp_path, BASE + f"x: {text}\n")


def test_keys_of_100000_characters(tmp_path):
    shown = faults_of(tmp_path, BASE + "? " + "k" * 100_000 + "\n: 1\n")
    assert "is longer than 300 characters" in shown and len(shown) < 600


def test_aliases_that_multiply(tmp_path):
    nine = "".join(f"k{n}: &k{n} [{','.join([f'*k{n - 1}'] * 9)}]\n" for n in range(1, 12))
    assert "more than 20000 values" in faults_of(tmp_path, "k0: &k0 [1]\n" + nine + BASE)


@pytest.mark.parametrize(
    "option",
    [
        "a=" + "[" * 500,
        f"a={'9' * 5000}:1",
        "a=.nan:1",
        "a=1:.inf",
        "a=²:3",
        f"{'k' * 9999}=1:0",
        "a=!!int '',1",
        "a=1e999:2",
        "a=true:false",
    ],
)
def test_options_that_search(option):
    with pytest.raises(RecipeError, match=r"^--search ") as error:
        parse_search(option)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    "value", ["[" * 500, "9" * 5000, "1e999", "!!int ''", '"\\0"', "!!set {a}"]
)
def test_options_of_sinks(value):
    with pytest.raises(RecipeError, match=r"^--sink ") as error:
        parse_sink(f"type=webhook,url={value}")
    assert len(str(error.value)) < 1000
