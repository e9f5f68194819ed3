"""What a recipe names becomes objects."""

from __future__ import annotations

from pathlib import Path

import pytest

import vadkit


@pytest.fixture
def recipe(tmp_path):
    """A recipe whose dataset has videos with the ids in its parameter."""

    class Listed:
        """Videos with given ids."""

        def __init__(self, *, ids: list[str]) -> None:
            self.ids = ids

        def videos(self, split):
            return [vadkit.Video(name, split, Path(f"{n}.mp4")) for n, name in enumerate(self.ids)]

    def load(*ids: str) -> vadkit.Recipe:
        path = tmp_path / "on-a-list.yaml"
        dataset = f"{{type: on-a-list, ids: {list(ids)}}}"
        path.write_text(f"dataset: {dataset}\nmethod: {{type: conv-ae}}\n")
        return vadkit.load_recipe(path)

    vadkit.register("datasets", "on-a-list")(Listed)
    return load


def test_load_videos_gives_the_videos_of_a_split(recipe):
    (first, second) = vadkit.load_videos(recipe("a", "b"), "test")
    assert (first.id, second.id, second.split) == ("a", "b", "test")


@pytest.mark.parametrize("split", ["train", "test"])
def test_two_videos_with_one_id_are_refused(recipe, split):
    """Scores are kept by id: one of the two would be lost without a word."""
    message = f"'on-a-list' has 2 {split} videos with the id 'a'; videos\\(\\) must give each"
    with pytest.raises(vadkit.DataError, match=message):
        vadkit.load_videos(recipe("a", "b", "a"), split)


def test_no_videos_are_refused(recipe):
    with pytest.raises(vadkit.DataError, match="'on-a-list' has no train videos"):
        vadkit.load_videos(recipe(), "train")
