"""Features and whose they are, k-means on three obvious clusters, and scatter plots."""

import json

import cv2
import numpy as np
import pytest
import torch

from vadkit.data.tensors import Clips
from vadkit.errors import RecipeError
from vadkit.hooks.cluster import Cluster
from vadkit.hooks.embedding import Embedding, _project
from vadkit.hooks.features import sample_features
from vadkit.hooks.hook import Hook

# Six, four and two rows around three far corners.
CORNERS = np.zeros((12, 2))
CORNERS[:6] = [[0, 0], [0, 1], [0, -1], [1, 0], [-1, 0], [0, 0]]
CORNERS[6:10] = [[100, 0], [100, 1], [100, -1], [100, 0]]
CORNERS[10:] = [[0, 103], [0, 101]]


def test_three_obvious_clusters(make_trainer, parts):
    logged = {}

    class Logs(Hook):
        def on_epoch_end(self, ctx):
            logged[ctx.epoch] = dict(ctx.logs)

    loader = parts.Batches(corners=CORNERS)
    trainer = make_trainer(Logs(), Cluster(clusters=3, every=2, nearest=2), loader=loader)
    trainer.fit()
    assert not any(name.startswith("cluster/") for name in logged[1])
    # Squared distances: 4 in the first, 2 in the second, 2 in the third.
    assert logged[2]["cluster/inertia"] == pytest.approx(8)
    assert logged[2]["cluster/smallest"] == 2
    assert 0.97 < logged[2]["cluster/silhouette"] < 1
    files = list((trainer.run / "clusters").iterdir())
    assert [file.name for file in files] == ["epoch-0002.json"]
    found = json.loads(files[0].read_text())
    assert (found["epoch"], found["inertia"]) == (2, pytest.approx(8))
    assert [cluster["size"] for cluster in found["clusters"]] == [6, 4, 2]
    first, second, third = (cluster["nearest"] for cluster in found["clusters"])
    assert [(one["video"], one["first_frame"]) for one in first] == [("a", 0), ("b", 5)]
    assert [one["first_frame"] for one in second] == [6, 9]
    assert [one["distance"] for one in third] == pytest.approx([1, 1])


def test_features_that_have_collapsed_make_one_cluster(make_trainer):
    trainer = make_trainer(Cluster(clusters=3), epochs=1)
    trainer.fit()
    found = json.loads((trainer.run / "clusters" / "epoch-0001.json").read_text())
    assert (found["inertia"], found["silhouette"], found["smallest"]) == (0, None, 12)


@pytest.mark.parametrize("hook", [Cluster(), Embedding()])
def test_a_method_without_features_is_refused_before_training(hook, make_trainer, parts):
    class Bare(parts.Predicts):
        def embed(self, clips):
            return None

    trainer = make_trainer(hook, method=Bare)
    with pytest.raises(RecipeError, match=r"hooks\.\w+: the method has no features"):
        trainer.fit()
    assert trainer.step == 0


def test_too_few_rows_are_refused(make_trainer):
    with pytest.raises(
        RecipeError, match="12 rows of features are too few for 12 clusters; increase"
    ):
        make_trainer(Cluster(clusters=12)).fit()
    with pytest.raises(RecipeError, match="needs at least 4 rows of 2 features; there are 3 of 2"):
        make_trainer(Embedding(clips=3)).fit()


def test_rows_of_objects_know_their_clip(make_trainer, parts):
    class Objects(parts.Predicts):
        def embed(self, clips):
            assert not self.training
            return torch.cat([boxes[:, :2] for boxes in clips.boxes])

    class WithBoxes(parts.Batches):
        def sample(self, count):
            boxes = (torch.full((2, 4), 7.0), torch.zeros(0, 4), torch.full((1, 4), 8.0))
            clips = Clips(torch.zeros(3, 1, 3, 16, 24), None, boxes)
            yield clips, [("a", 1), ("b", 2), ("c", 3)]

    trainer = make_trainer(method=Objects, loader=WithBoxes())
    features, places = sample_features(trainer, 3, "test")
    assert features.tolist() == [[7, 7], [7, 7], [8, 8]]
    assert places == [("a", 1), ("a", 1), ("c", 3)]
    assert trainer.method.training


def test_principal_components_are_those_of_the_widest_spread():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 4)) * [1, 30, 0.1, 3]
    points, axes = _project(features, "pca")
    assert abs(np.corrcoef(points[:, 0], features[:, 1])[0, 1]) > 0.999
    assert abs(np.corrcoef(points[:, 1], features[:, 3])[0, 1]) > 0.99
    assert axes[0] == "first principal component (99% of variance)"


def test_tsne_keeps_neighbours_together():
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1], 10)
    points, _ = _project(rng.normal(size=(20, 5)) + 50 * groups[:, None], "tsne")
    distances = np.linalg.norm(points[:, None] - points, axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (groups[distances.argmin(axis=1)] == groups).all()


def test_the_scatter_is_drawn_each_epoch_and_given_to_tensorboard(make_trainer, parts):
    trainer = make_trainer(Embedding(), loader=parts.Batches(corners=CORNERS))
    trainer.fit()
    pictures = sorted((trainer.run / "embedding").iterdir())
    assert [picture.name for picture in pictures] == ["epoch-0001.png", "epoch-0002.png"]
    image = cv2.imread(str(pictures[1]))[..., ::-1].astype(int)
    for colour in ([0x00, 0x72, 0xB2], [0xE6, 0x9F, 0x00]):
        # Points are see-through; the legend's sample is not.
        assert (np.abs(image - colour).max(axis=-1) < 4).sum() > 20
    board = trainer.run / "tensorboard" / "embedding"
    rows = (board / "00008" / "features" / "metadata.tsv").read_text().splitlines()
    assert rows[:3] == ["video\tfirst frame", "a\t0", "b\t1"]
    assert len(rows) == 13
