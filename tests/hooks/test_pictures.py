"""Pictures of clips and plots of scores while training."""

import sys

import cv2
import numpy as np
import pytest
import torch

from vadkit.engine.trainer import EvaluationScores
from vadkit.errors import RecipeError
from vadkit.hooks.evaluate import Evaluate
from vadkit.hooks.score_plot import ScorePlot
from vadkit.hooks.visualise import Visualise
from vadkit.methods.method import Scores
from vadkit.reports import clip_grid


@pytest.fixture
def drawn(monkeypatch):
    """The rows of each picture, as they are given to be drawn."""
    seen = []

    def draw(path, rows, *, title):
        seen.append((title, rows))
        return clip_grid_(path, rows, title=title)

    clip_grid_ = clip_grid.clip_grid
    monkeypatch.setattr(clip_grid, "clip_grid", draw)
    return seen


def test_the_same_clips_every_so_often_and_at_the_end(make_trainer, drawn):
    trainer = make_trainer(Visualise(every=2, clips=7), epochs=5)
    trainer.fit()
    files = sorted(path.name for path in (trainer.run / "visualise").iterdir())
    assert files == ["epoch-0002.png", "epoch-0004.png", "epoch-0005.png"]
    assert [title for title, _ in drawn] == [f"test, epoch {epoch}" for epoch in (2, 4, 5)]
    (_, early), _, (_, late) = drawn
    assert len(early) == 7, "two batches of the sample"
    # The scored offset is 1, two frames of video after the first.
    assert [row.label for row in early[:2]] == ["a\nframe 2", "b\nframe 3"]
    clips, _ = next(trainer.sample(7))
    np.testing.assert_allclose(early[1].frame, (clips.frames[1, :, 1] + 1) / 2, atol=1e-6)
    assert np.array_equal(early[1].frame, late[1].frame)
    scores = trainer.method.score(clips)
    np.testing.assert_allclose(late[1].output, (scores.output[1, 0] + 1) / 2, atol=1e-6)
    np.testing.assert_allclose(late[1].error, scores.maps[1, 0], atol=1e-6)
    assert not np.array_equal(early[1].output, late[1].output)
    assert list((trainer.run / "tensorboard" / "visualise").iterdir())


def test_a_method_with_only_maps_and_one_with_nothing(make_trainer, parts, drawn):
    class Maps(parts.Predicts):
        def score(self, clips):
            return super().score(clips)._replace(output=None)

    make_trainer(Visualise(), method=Maps, epochs=1).fit()
    _, rows = drawn[0]
    assert rows[0].output is None and rows[0].error.shape == (16, 24)

    class Nothing(parts.Predicts):
        def score(self, clips):
            return Scores(torch.zeros(len(clips), 1))

    trainer = make_trainer(Visualise(every=2), method=Nothing)
    with pytest.raises(RecipeError, match="neither an output nor error maps"):
        trainer.fit()
    assert trainer.step == 0


def test_a_method_without_gradients_is_drawn_only_after_it_is_fitted(make_trainer, parts):
    class Collects(parts.Predicts):
        known = False

        def collect(self, clips):
            self.known = True

        def score(self, clips):
            assert self.known
            return super().score(clips)

    trainer = make_trainer(Visualise(), method=Collects, optimizers={})
    trainer.fit()
    assert [path.name for path in (trainer.run / "visualise").iterdir()] == ["epoch-0000.png"]


def test_a_run_that_stops_early_is_drawn_once_at_its_end(make_trainer):
    evaluated, shown = [], []

    def evaluate(method):
        evaluated.append(trainer.epoch)
        return EvaluationScores([], {}, {})

    class Pictures(Visualise):
        def show(self, ctx, tag, picture):
            shown.append(ctx.epoch)

    trainer = make_trainer(Evaluate(), Pictures(), evaluate=evaluate, epochs=4, max_steps=6)
    trainer.fit()
    assert trainer.epoch == 2
    assert (evaluated, shown) == ([1, 2], [1, 2])


def test_a_method_is_drawn_in_eval_mode_and_continues_training(make_trainer, parts):
    modes = []

    class Notes(parts.Predicts):
        def score(self, clips):
            modes.append((self.training, torch.is_inference_mode_enabled()))
            return super().score(clips)

    with_hook, without = make_trainer(Visualise(), method=Notes), make_trainer()
    with_hook.fit()
    without.fit()
    assert modes and set(modes) == {(False, True)}
    assert with_hook.logs == without.logs


def test_pictures_are_drawn_without_tensorboard_too(make_trainer, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    trainer = make_trainer(Visualise(), epochs=1)
    trainer.fit()
    assert sorted(path.name for path in trainer.run.iterdir()) == ["checkpoints", "visualise"]


def shaded(path):
    image = cv2.imread(str(path))[..., ::-1].astype(int)
    pale = (image[..., 0] > 240) & (image[..., 0] - image[..., 2] > 15)
    return np.flatnonzero(pale[pale.shape[0] // 2]) / pale.shape[1]


def test_scores_are_plotted_after_each_evaluation(make_trainer):
    videos = [f"set/{number:02d}" for number in range(5)]
    scores = {video: np.linspace(0, 1, 40) for video in videos}
    labels = {video: np.arange(40) >= 20 for video in videos}
    labels["set/00"] = np.zeros(40, bool)
    hooks = Evaluate(), ScorePlot(most=3)
    trainer = make_trainer(*hooks, evaluate=lambda method: EvaluationScores([], scores, labels))
    trainer.fit()
    assert trainer.scores is scores
    folders = sorted((trainer.run / "score-plots").iterdir())
    assert [folder.name for folder in folders] == ["epoch-0001", "epoch-0002"]
    for folder in folders:
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
        assert names == ["set/00.png", "set/02.png", "set/04.png"]
    assert not shaded(folders[0] / "set/00.png").size
    columns = shaded(folders[0] / "set/02.png")
    assert columns.min() > 0.48 and columns.max() > 0.95
    assert list((trainer.run / "tensorboard" / "score-plots").iterdir())


def test_a_score_plot_needs_an_evaluation(make_trainer):
    with pytest.raises(RecipeError, match=r"add the hook \{type: evaluate\}"):
        make_trainer(ScorePlot()).fit()
