"""What is searched, which videos are held out, and trials on disk."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.videos import Video
from vadkit.errors import DataError, RecipeError
from vadkit.evaluation.pseudo_anomaly import PseudoAnomaly
from vadkit.recipe.resolve import resolve
from vadkit.recipe.search import read_space
from vadkit.registry import components
from vadkit.workflows.pseudo import hold_out
from vadkit.workflows.tune.trials import Trial, append_trial, read_trials, write_trials

SEARCHED = [
    name
    for name, component in components("methods").items()
    if getattr(component.load(), "search", {})
]


@pytest.mark.parametrize("name", SEARCHED)
def test_a_methods_search_space_fits_it(name):
    (component,) = (one for one in components("methods").values() if one.name == name)
    space = read_space(component.load().search, name)
    for place, each in space.items():
        for value in each.ends:
            section, key = place.split(".")
            data = {"name": name, "dataset": {"type": "synthetic"}, "method": {"type": name}}
            resolve({**data, section: {**data.get(section, {}), key: value}})


def videos(count):
    return [Video(f"{number:02d}", "train", Path()) for number in range(count)]


@given(st.integers(2, 60), st.floats(0.01, 0.99), st.integers(0, 1000))
def test_some_videos_are_held_out_and_some_are_not(count, share, seed):
    evaluator = PseudoAnomaly(share=share, seed=seed)
    rest, held = hold_out(videos(count), evaluator)
    assert rest
    assert held
    assert sorted(one.id for one in rest + held) == [one.id for one in videos(count)]
    assert abs(len(held) - share * count) <= 1
    assert hold_out(videos(count), evaluator) == (rest, held)


def test_one_video_cannot_be_held_out():
    with pytest.raises(DataError, match="there is only 1 training video"):
        hold_out(videos(1), PseudoAnomaly())


def test_other_seeds_hold_other_videos_out():
    drawn = {hold_out(videos(20), PseudoAnomaly(seed=seed))[1][0].id for seed in range(10)}
    assert len(drawn) > 2


ABOUT = {"search": {"a": {"low": 0.1, "high": 1.0}}, "held_out": ["03"]}


def test_trials_are_read_back_unchanged(tmp_path):
    path = tmp_path / "x.trials.jsonl"
    trials = [Trial(0, {}, {"pseudo-auc": 0.5}, 1.0), Trial(1, {"a": 0.3}, failed="no")]
    write_trials(path, ABOUT, trials[:1])
    append_trial(path, trials[1])
    assert read_trials(path, ABOUT) == trials
    assert trials[1].score is None
    with path.open("a") as file:
        file.write('{"number": 2, "val')
    assert read_trials(path, ABOUT) == trials
    with pytest.raises(RecipeError, match="trials of another recipe, search or dataset"):
        read_trials(path, {**ABOUT, "held_out": ["04"]})
    assert read_trials(tmp_path / "none", ABOUT) == []


def test_damaged_trials_name_their_line(tmp_path):
    path = tmp_path / "x.trials.jsonl"
    path.write_text(f"{json.dumps(ABOUT)}\nrubbish\n{json.dumps({'number': 0, 'values': {}})}\n")
    with pytest.raises(RecipeError, match=r"x\.trials\.jsonl:2: is not JSON"):
        read_trials(path, ABOUT)
    path.write_text(f"{json.dumps(ABOUT)}\n{json.dumps({'loss': 3})}\n")
    with pytest.raises(RecipeError, match="have other content"):
        read_trials(path, ABOUT)
