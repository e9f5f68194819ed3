"""Every message about a recipe, word for word; `messages.txt` has them all.

After a change of the words, look at what `python -m tests.recipe.test_messages` writes there.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import pytest

from vadkit.errors import VadkitError
from vadkit.recipe import load_recipe
from vadkit.recipe.check import check_recipe
from vadkit.recipe.search import parse_search

MESSAGES = Path(__file__).parent / "messages.txt"
GOOD = """\
name: good
dataset: {type: folder, root: nowhere}
clip: {frames: 5, size: [48, 64], channels: gray}
method: {type: future-frame}
networks:
  generator: {width: 4}
train: {epochs: 1, batch_size: 2}
"""
PLUGIN = """\
import vadkit


@vadkit.register("scorers", "twice")
class Twice:
    def __init__(self, *, factor: int, offset=0):
        pass
"""


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


RECIPES: dict[str, str | bytes] = {
    "unknown section": changed("clip:", "clipp:"),
    "unknown section, like no other": GOOD + "zzz: 1\n",
    "missing sections": "name: x\n",
    "no name": changed("name: good", "name: ''"),
    "a number as name": changed("name: good", "name: 7"),
    "a path as name": changed("name: good", "name: a/b"),
    "dots as name": changed("name: good", "name: '..'"),
    "two lines as name": changed("name: good", 'name: "a\\nb"'),
    "a long name": changed("name: good", f"name: {'n' * 201}"),
    "the longest name": changed("name: good", f"name: {'n' * 200}"),
    "unknown parameter": changed("width", "widht"),
    "unknown parameter, like no other": changed("width", "zzz"),
    "a parameter of a component without any": GOOD + "scorers: [{type: minmax-per-video, a: 1}]\n",
    "required parameter": changed(", root: nowhere", ""),
    "unknown component": changed("future-frame", "past-frame"),
    "unknown component, like no other": changed("type: folder", "type: zzz"),
    "type is a number": changed("type: folder", "type: 5"),
    "no type": GOOD + "scorers: [{sigma: 3}]\n",
    "component as text": GOOD + "hooks: [progress]\n",
    "component instead of a list": GOOD + "hooks: {type: progress}\n",
    "list instead of roles": changed("\n  generator: {width: 4}", " [1]"),
    "roles as text": changed("\n  generator: {width: 4}", " unet"),
    "unknown role": changed("generator:", "generater:"),
    "unknown role of schedulers": GOOD + "schedulers: {zzz: {type: cosine}}\n",
    "required role": changed("{width: 4}", "null"),
    "role turned off": GOOD + "losses: {gradient: null}\n",
    "no weight": GOOD + "losses: {gradient: {weight: true}}\n",
    "weight as text": GOOD + "losses: {gradient: {weight: '1'}}\n",
    "settings as list": changed("{epochs: 1, batch_size: 2}", "[1, 2]"),
    "whole number as text": changed("epochs: 1", 'epochs: "1"'),
    "whole number as true": changed("epochs: 1", "epochs: true"),
    "fraction": changed("epochs: 1", "epochs: 1.5"),
    "number as text": GOOD + "calibration: {false_alarms_per_hour: many}\n",
    "true as text": GOOD + "optimizers: {generator: {amsgrad: 'yes'}}\n",
    "text as number": changed("{epochs: 1", "{device: 0, epochs: 1"),
    "path as number": changed("root: nowhere", "root: 5"),
    "list as number": changed("[48, 64]", "48"),
    "too small": changed("epochs: 1", "epochs: 0"),
    "too large": changed("frames: 5", "frames: 1000"),
    "not above": changed("batch_size: 2", "batch_size: 2, clip_grad_norm: 0"),
    "no choice": changed("gray", "grey"),
    "short list": changed("[48, 64]", "[48]"),
    "empty list": changed("[48, 64]", "[]"),
    "long list": changed("[48, 64]", "[48, 64, 80]"),
    "nothing": changed("epochs: 1", "epochs: null"),
    "mapping for a number": changed("epochs: 1", "epochs: {a: 1}"),
    "list for a number": changed("epochs: 1", "epochs: [1, two, null, true]"),
    "long list for a number": changed("epochs: 1", f"epochs: {list(range(31))}"),
    "wide list for a number": changed("epochs: 1", f"epochs: [{'a' * 57}]"),
    "long text for a number": changed("epochs: 1", f"epochs: {'a' * 300}"),
    "text of 58 characters": changed("epochs: 1", f"epochs: {'a' * 58}"),
    "text of 59 characters": changed("epochs: 1", f"epochs: {'a' * 59}"),
    "clip that does not fit": changed("[48, 64]", "[50, 64]"),
    "optical flow turned off": changed("future-frame", "motion-field").replace(
        "networks:\n  generator: {width: 4}\n", "flow: null\n"
    ),
    "objects turned off": changed("future-frame", "vec").replace(
        "networks:\n  generator: {width: 4}\n", "objects: null\n"
    ),
    "reader": GOOD + "data: {readers: [pyav, decrod]}\n",
    "reader as code": GOOD + "data: {readers: ['os:remove']}\n",
    "readers as text": GOOD + "data: {readers: pyav}\n",
    "search as list": GOOD + "search: [1]\n",
    "search without a range": GOOD + "search: {train.epochs: 3}\n",
    "search without choices": GOOD + "search: {train.epochs: [3]}\n",
    "search without order": GOOD + "search: {train.epochs: {low: 2, high: 1}}\n",
    "search of an unknown key": GOOD + "search: {train.epochs: {low: 1, high: 2, lgo: true}}\n",
    "search without an end": GOOD + "search: {train.epochs: {low: 1}}\n",
    "plugins as text": GOOD + "plugins: a.py\n",
    "plugins with a number": GOOD + "plugins: [1]\n",
    "key given twice": GOOD + "name: again\n",
    "merge key": GOOD + "hooks: [{<<: {a: 1}, type: progress, evry: 1}]\n",
    "list as key": GOOD + "? [1]\n: 2\n",
    "long key": GOOD + f"{'k' * 301}: 1\n",
    "object": GOOD + "hooks: !!python/object/apply:os.system ['touch pwned']\n",
    "set": GOOD + "hooks: !!set {a, b}\n",
    "bytes": GOOD + "hooks: !!binary aGVsbG8=\n",
    "no integer": GOOD + "hooks: !!int ''\n",
    "alias of itself": GOOD + "hooks: &a [*a]\n",
    "no finite number": changed("epochs: 1", "clip_grad_norm: .nan"),
    "65 bits": changed("epochs: 1", f"epochs: {2**64}"),
    "long text": changed("nowhere", "n" * 10_001),
    "nul": changed("root: nowhere", 'root: "a\\0b"'),
    "nul in a key": GOOD + '"a\\0b": 1\n',
    "tab": changed("  generator", "\tgenerator"),
    "no yaml": GOOD + "x: [1\n",
    "deep": GOOD + "x: " + "[" * 60 + "]" * 60 + "\n",
    "large": GOOD + "x: [" + "1," * 41_000 + "]\n",
    "many aliases": f"a: &a [{'1,' * 150}]\nb: [{'*a,' * 150}]\n",
    "empty": "",
    "a list": "- 1\n- 2\n",
    "text": "recipe\n",
    "no utf-8": b"\xff\xfe\x00bad",
    "a MiB": b"#" * (1 << 20) + b"\n",
    "many faults": GOOD + "hooks: [" + "x, " * 25 + "]\n",
    "unknown method": "dataset: {type: synthetic}\nmethod: {type: conv-e}\nflow: {preset: 1}\n"
    "train: {epochs: 0}\nhooks: [{}]\nnetworks: {a: {}}\n",
}
OVERRIDES = [
    "train.epochs",
    "=1",
    "train.epochs=x",
    "train.epoch=1",
    "name.x=1",
    "hooks.0=1",
    "hooks.7=1",
    "train.epochs=[1",
    "train.epochs=a: b: c",
    "train.epochs=!!python/name:os.system",
    "train.epochs=.inf",
    "train.epochs=*a",
    ".".join("a" * 51) + "=1",
]
SEARCHES = [
    "memory",
    "=1:2",
    "a=",
    "a=2:1",
    "a=0:1:log",
    "a=1:2:lin",
    "a=low:2",
    "a=true:2",
    "a=[:2",
    "a=fast",
    "a=[,x",
    "a=.nan,1",
]
DECLARED = {
    "unknown parameter of a plugin": "scorers: [{type: twice, factr: 1}]\n",
    "missing parameter of a plugin": "scorers: [{type: twice}]\n",
    "like no parameter of a plugin": "scorers: [{type: twice, factor: 1, zzz: 1}]\n",
}
PLUGINS = {
    "no python": "a = (\n",
    "a nul": "a = '\0'\n",
    "unknown family": "import vadkit\n\n\n@vadkit.register('hoks', 'mine')\ndef mine(): ...\n",
    "a name that is taken": "import vadkit\n\n\n@vadkit.register('scorers', 'ema')\nclass A: ...\n",
}


def message(run) -> str:
    try:
        run()
    except VadkitError as error:
        return str(error)
    return "accepted"


def sections():
    """Yield a title and a message, with the folder's name left out."""
    recipe = Path("recipe.yaml")
    for title, content in RECIPES.items():
        recipe.write_bytes(content if isinstance(content, bytes) else content.encode())
        yield title, message(lambda: load_recipe(recipe))
    recipe.write_text(GOOD + "hooks: [{type: progress}]\n")
    for text in OVERRIDES:
        yield f"--set {text}", message(lambda text=text: load_recipe(recipe, [text]))
    for text in SEARCHES:
        yield f"--search {text}", message(lambda text=text: parse_search(text))
    Path("mine.py").write_text(PLUGIN)
    for title, more in DECLARED.items():
        recipe.write_text(GOOD + "plugins: [mine.py]\n" + more)
        yield title, message(lambda: check_recipe(recipe))
    recipe.write_text(GOOD + "plugins: [mine.py]\n")
    for title, content in PLUGINS.items():
        Path("mine.py").write_text(content)
        yield title, message(lambda: check_recipe(recipe))
    Path("folder.yaml").mkdir()
    yield "a folder", message(lambda: load_recipe("folder.yaml"))
    Path("folder.yaml", "b.yaml").touch()
    Path("folder.yaml", "a.yaml").touch()
    yield "a folder with recipes", message(lambda: load_recipe("folder.yaml"))
    for name in ("zzzz", "none.yaml", "ped2/memae.yaml", "a\0b", "n" * 300):
        yield f"recipe {name[:30]!r}", message(lambda name=name: load_recipe(name))


def found() -> str:
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        here = os.path.realpath(folder)
        parts = [
            f"== {title}\n{text.replace(here + '/', '').replace(folder + '/', '')}\n"
            for title, text in sections()
        ]
    return "\n".join(parts)


def test_every_message_is_as_written_down():
    expected = MESSAGES.read_text(encoding="utf-8")
    got = found()
    if got != expected:
        # Compare part by part, for a short report.
        for one, other in zip(got.split("\n== "), expected.split("\n== "), strict=True):
            assert one == other


@pytest.mark.parametrize("title", ["role turned off", "the longest name"])
def test_these_are_accepted(title):
    assert f"== {title}\naccepted\n" in MESSAGES.read_text(encoding="utf-8")


if __name__ == "__main__":
    MESSAGES.write_text(found(), encoding="utf-8")
