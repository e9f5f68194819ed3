"""Every broken recipe: exit code 2, a line a fault with its place, no traceback."""

import os
from pathlib import Path

import pytest

GOOD = """\
name: good
dataset: {type: folder, root: nowhere}
clip: {frames: 5, size: [48, 64], channels: gray}
method: {type: future-frame}
networks:
  generator: {width: 4}
train: {epochs: 1, batch_size: 2}
"""

# name: (text, what each fault's line must hold)
BROKEN = {
    "section": (
        GOOD.replace("clip:", "clipp:"),
        [":3: clipp: unknown section; did you mean 'clip'?"],
    ),
    "clip key": (GOOD.replace("frames: 5", "framez: 5"), [":3: clip.framez: unknown parameter"]),
    "train key": (
        GOOD.replace("batch_size", "batch_sise"),
        [":7: train.batch_sise: unknown parameter; did you mean 'batch_size'?"],
    ),
    "network key": (
        GOOD.replace("width", "widht"),
        [":6: networks.generator.widht: unknown parameter; did you mean 'width'?"],
    ),
    "hook key": (
        GOOD + "hooks:\n  - {type: progress}\n  - {type: checkpoint, evry: 1}\n",
        [":10: hooks.1.evry: unknown parameter; did you mean 'every'?"],
    ),
    "unknown dataset": (
        GOOD.replace("folder", "foldr"),
        [":2: dataset.type: no datasets component"],
    ),
    "unknown method": (GOOD.replace("future-frame", "past-frame"), [":4: method.type: no methods"]),
    "unknown network": (
        GOOD.replace("{width: 4}", "{type: unett}"),
        [":6: networks.generator.type: no networks component named 'unett'; did you mean 'unet'?"],
    ),
    "unknown role": (
        GOOD.replace("generator", "generater"),
        [":6: networks.generater: unknown role", "did you mean 'generator'?"],
    ),
    "needed role": (
        GOOD.replace("{width: 4}", "null"),
        [":6: networks.generator: this method requires this role"],
    ),
    "number as text": (
        GOOD.replace("epochs: 1", 'epochs: "1"'),
        [":7: train.epochs: must be a whole"],
    ),
    "true for a number": (
        GOOD.replace("epochs: 1", "epochs: true"),
        ["train.epochs: must be a whole"],
    ),
    "fraction": (GOOD.replace("frames: 5", "frames: 5.5"), [":3: clip.frames: must be a"]),
    "out of bounds": (
        GOOD.replace("width: 4", "width: 0"),
        [":6: networks.generator.width: must be"],
    ),
    "not a choice": (GOOD.replace("gray", "grey"), [":3: clip.channels: must be 'rgb' or 'gray'"]),
    "short list": (GOOD.replace("[48, 64]", "[48]"), [":3: clip.size"]),
    "list for a map": (
        GOOD.replace("{epochs: 1, batch_size: 2}", "[1, 2]"),
        [":7: train: must be a map"],
    ),
    "map for a list": (GOOD + "hooks: {type: progress}\n", [":8: hooks: must be a list"]),
    "text for a component": (GOOD + "hooks: [progress]\n", [":8: hooks.0: must be a mapping"]),
    "no type": (GOOD + "scorers: [{sigma: 3}]\n", [":8: scorers.0: missing 'type'"]),
    "duplicate key": (GOOD + "name: again\n", [":8: name: is given twice; first on line 1"]),
    "missing section": (GOOD.replace("dataset:", "#"), ["missing section 'dataset'"]),
    "tab": (GOOD.replace("  generator", "\tgenerator"), [":6: there is a tab where"]),
    "not yaml": (GOOD + "x: [1\n", ["not valid YAML"]),
    "empty": ("", ["is empty"]),
    "only comments": ("# nothing\n", ["is empty"]),
    "a list": ("- 1\n- 2\n", [":1: a recipe is a mapping"]),
    "object tag": (
        GOOD + "hooks: !!python/object/apply:os.system ['touch pwned']\n",
        [":8: hooks: the tag '!!python/object/apply:os.system' is not allowed"],
    ),
    "recursive alias": (
        GOOD + "hooks: &a [*a]\n",
        [":8: hooks.0: an alias may not contain itself"],
    ),
    "nan": (GOOD.replace("epochs: 1", "clip_grad_norm: .nan"), ["must be a finite number"]),
    "clip that cannot serve": (
        GOOD.replace("[48, 64]", "[50, 64]"),
        [":3: clip: future-frame needs"],
    ),
    "plugins not a list": (GOOD + "plugins: a.py\n", [":8: plugins: must be a list"]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_recipe(name, vadkit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, expected = BROKEN[name]
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(text)
    for command in (["validate", recipe], ["train", recipe]):
        code, out, err = vadkit(*command)
        assert code == 2, err
        assert out == ""
        assert "Traceback" not in err
        for part in expected:
            assert part in err
        for line in err.strip().splitlines():
            assert "recipe.yaml" in line
    assert sorted(os.listdir(tmp_path)) == ["recipe.yaml"]


def test_all_faults_come_in_one_report(vadkit, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        GOOD.replace("width: 4", "widht: 4")
        .replace("epochs: 1", "epochs: 0")
        .replace("gray", "grey")
    )
    code, _, err = vadkit("validate", recipe)
    assert code == 2
    assert [line.split(":")[1] for line in err.strip().splitlines()] == ["3", "6", "7"]


def test_files_that_are_not_recipes(vadkit, tmp_path):
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00bad")
    for path, expected in (
        (tmp_path / "none.yaml", "recipe not found"),
        (tmp_path, "is a directory"),
        (tmp_path / "binary.yaml", "is not UTF-8"),
    ):
        code, _, err = vadkit("train", path)
        assert code == 2
        assert expected in err
        assert len(err.strip().splitlines()) == 1


def test_no_permission(vadkit, tmp_path, monkeypatch):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(GOOD)
    open_file = Path.open

    def refuse(path, *arguments, **settings):
        # Taking the file's rights away would not keep root from reading it.
        if path == recipe:
            raise PermissionError(13, "Permission denied")
        return open_file(path, *arguments, **settings)

    monkeypatch.setattr(Path, "open", refuse)
    code, out, err = vadkit("train", recipe)
    assert (code, out) == (2, "")
    assert err == f"error: {recipe}: no permission to read this file\n"


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("train.epochs", "an override is KEY=VALUE"),
        ("train.epochs=x", "--set train.epochs=x: train.epochs: must be a whole number; got 'x'"),
        ("train.epoch=1", "did you mean 'epochs'?"),
        ("name.x=1", "is a plain value"),
        ("train.epochs=[1", "not valid YAML"),
        ("train.epochs=!!python/name:os.system", "is not allowed"),
    ],
)
def test_bad_overrides(override, expected, vadkit, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(GOOD)
    code, _, err = vadkit("validate", recipe, "--set", override)
    assert code == 2
    assert expected in err
    assert "Traceback" not in err


def test_the_good_recipe_is_good(vadkit, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(GOOD)
    code, out, _ = vadkit("validate", recipe, "--set", "optimizers.generator.lr=2e-4")
    assert code == 0
    assert "lr: 0.0002" in out
