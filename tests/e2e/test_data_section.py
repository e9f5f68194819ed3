"""The recipe's ``data`` section on the command line: stores, bad videos, readers, the cache."""

import json
from pathlib import Path

import pytest

RECIPE = """\
name: tiny
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 24, train_videos: 2}}
clip: {{frames: 5, size: [48, 64], channels: gray}}
flow: null
method: {{type: future-frame}}
networks: {{generator: {{width: 4}}, discriminator: null}}
train: {{epochs: 1, batch_size: 8, seed: 3}}
hooks: [{{type: checkpoint}}]
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE.format(root=tmp_path / "scene"))
    return path


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VADKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def train(vadkit, recipe, tmp_path, *settings):
    arguments = [part for setting in settings for part in ("--set", setting)]
    code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs", *arguments)
    assert code == 0, err
    return Path(out.strip().splitlines()[-1]), err


def scores(vadkit, run):
    code, out, err = vadkit("eval", run, "--json")
    assert code == 0, err
    return {
        (m["name"], m["protocol"].split(":")[0]): m["value"] for m in json.loads(out)["metrics"]
    }


def test_ram_and_disk_train_to_the_same_bits(vadkit, recipe, tmp_path, own_cache):
    on_disk, _ = train(vadkit, recipe, tmp_path, "data.store=disk")
    in_ram, err = train(vadkit, recipe, tmp_path, "data.store=ram")
    assert "data.store ram: the frames need 0.14 MiB, memory has" in err
    assert scores(vadkit, on_disk) == scores(vadkit, in_ram)


def test_without_a_store_nothing_is_stored(vadkit, recipe, tmp_path, own_cache):
    run, err = train(vadkit, recipe, tmp_path, "data.store=none")
    assert "storing" not in err
    assert 0 <= scores(vadkit, run)["micro-auc", "raw"] <= 1
    assert not list(own_cache.glob("*/frames.u8"))


def test_device_memory_on_a_cpu_is_host_memory_and_says_so(vadkit, recipe, tmp_path):
    _, err = train(vadkit, recipe, tmp_path, "data.store=device")
    assert "data.store device: the frames need" in err


def test_the_required_space_is_printed_before_decoding(vadkit, recipe, tmp_path, own_cache):
    _, err = train(vadkit, recipe, tmp_path)
    # 2 videos of 24 frames, 48 x 64 bytes each.
    assert "storing 2 videos, 48 frames, at 48x64 gray: 0.14 MiB in" in err
    _, err = train(vadkit, recipe, tmp_path)
    assert "storing" not in err


@pytest.fixture
def folder_recipe(recipe, tmp_path, vadkit):
    """A folder of three videos, the second broken."""
    assert vadkit("data", "cache", "build", recipe)[0] == 0
    drawn = sorted(tmp_path.glob("scene/*/training/*.mp4"))
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "a.mp4").write_bytes(drawn[0].read_bytes())
    (videos / "b.mp4").write_bytes(drawn[1].read_bytes()[:300])
    (videos / "c.mp4").write_bytes(drawn[1].read_bytes())
    text = recipe.read_text().splitlines()
    text[1] = f"dataset: {{type: folder, root: {videos}}}"
    recipe.write_text("\n".join(text))
    return recipe


def test_a_bad_video_stops_the_run_by_default(vadkit, folder_recipe, tmp_path):
    code, out, err = vadkit("train", folder_recipe, "--runs", tmp_path / "runs")
    assert (code, out) == (3, "")
    assert "b.mp4" in err and "Traceback" not in err


@pytest.mark.parametrize("store", ["disk", "none"])
def test_a_bad_video_is_skipped_and_listed(vadkit, folder_recipe, tmp_path, store):
    settings = ("data.on_bad_video=skip", f"data.store={store}")
    run, err = train(vadkit, folder_recipe, tmp_path, *settings)
    assert "skipped 1 of 3 videos:\n  b: " in err
    dataset = json.loads((run / "manifest.json").read_text())["dataset"]
    assert dataset["videos"] == 2
    assert [(one["id"], Path(one["path"]).name) for one in dataset["skipped"]] == [("b", "b.mp4")]
    assert "b.mp4" in dataset["skipped"][0]["reason"]


def test_an_unknown_reader_or_mode_is_a_fault_of_the_recipe(vadkit, recipe):
    settings = ("--set", "data.readers=[decrod]", "--set", "data.store=tape")
    code, _, err = vadkit("validate", recipe, *settings)
    assert code == 2
    assert "data.store: must be 'auto', 'disk', 'ram', 'device' or 'none'" in err
    code, _, err = vadkit("validate", recipe, "--set", "data.readers=[decrod]")
    assert code == 2
    assert "no readers component named 'decrod'; did you mean 'decord'?" in err


def test_a_plugins_reader_decodes_in_the_child(vadkit, recipe, tmp_path, own_cache):
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "import vadkit\n"
        "from vadkit.data.decoding.readers import pyav\n\n\n"
        "@vadkit.register('readers', 'upside-down')\n"
        "def upside_down(path):\n"
        "    for frame in pyav(path):\n"
        "        yield frame[::-1]\n"
    )
    recipe.write_text("plugins: [mine.py]\n" + recipe.read_text())
    run, _ = train(vadkit, recipe, tmp_path, "data.readers=[upside-down]")
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["status"] == "done"
    code, out, _ = vadkit("data", "cache", "list", "--json")
    assert code == 0
    metas = [json.loads((Path(e["folder"]) / "meta.json").read_text()) for e in json.loads(out)]
    assert {tuple(meta["readers"]) for meta in metas} == {("upside-down",)}


def test_the_cache_is_built_listed_verified_and_pruned(vadkit, recipe, own_cache):
    code, out, err = vadkit("data", "cache", "build", recipe, "--set", "flow={type: dis}")
    assert code == 0, err
    assert out.startswith("6 videos, 144 frames, optical flow of 6 videos in ")
    code, out, _ = vadkit("data", "cache", "list", "--json")
    listed = json.loads(out)
    assert (code, len(listed)) == (0, 6)
    assert listed[0]["shape"] == [24, 48, 64, 1]
    code, out, _ = vadkit("data", "cache", "list")
    assert "6 videos, 2." in out and "24 x 48x64x1" in out

    assert vadkit("data", "cache", "verify")[:2] == (0, "6 videos, 0 damaged\n")
    broken = Path(listed[0]["folder"]) / "frames.u8"
    broken.write_bytes(broken.read_bytes()[:-1] + b"\0\0")
    code, out, _ = vadkit("data", "cache", "verify")
    assert code == 3
    assert "instead of 73728" in out and out.endswith("6 videos, 1 damaged\n")
    assert vadkit("data", "cache", "verify", "--delete")[0] == 0
    assert vadkit("data", "cache", "verify")[1] == "5 videos, 0 damaged\n"

    code, _, err = vadkit("data", "cache", "prune")
    assert code == 2 and "--older-than DAYS, --keep GIB, or --all" in err
    assert vadkit("data", "cache", "prune", "--older-than", 1)[1].startswith("deleted 0 of 5")
    assert vadkit("data", "cache", "prune", "--all")[1].startswith("deleted 5 of 5 videos")
    assert not list(own_cache.glob("*/frames.u8"))
