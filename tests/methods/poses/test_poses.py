"""stg-nf and mocodad on drawn walkers: one falls."""

import json

import numpy as np
import pytest
import torch

import vadkit
from vadkit.data.objects.skeleton import JOINTS
from vadkit.data.synthetic.walkers import walker
from vadkit.methods.poses.method import normalised
from vadkit.methods.poses.mocodad import MoCoDAD
from vadkit.methods.poses.stg_nf import STGNF
from vadkit.networks.pose_diffusion import PoseDiffusion
from vadkit.recipe.resolve import resolve
from vadkit.testing_poses import drawn_video


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """AlphaPose files of seven walks, and of one with a fall from frame 40 of 80 on."""
    root, random = tmp_path_factory.mktemp("poses"), np.random.default_rng(0)
    for number in range(8):
        falls = 40 if number == 6 else None
        points = walker(80, random, left=20.0 * number, falls=falls)
        people = [
            {"image_id": f"{frame}.jpg", "idx": 1, "keypoints": one.ravel().tolist()}
            for frame, one in enumerate(points)
        ]
        (root / f"0_{number}_alphapose_tracked_person.json").write_text(json.dumps(people))
    videos = {f"0_{number}": {"frames": 85} for number in range(8)}
    videos["0_6"]["abnormal"] = [[42, 66]]
    train = [f"0_{number}" for number in range(6)]
    split = {"train": train, "test": ["0_6", "0_7"], "videos": videos}
    (root.parent / f"{root.name}.json").write_text(json.dumps(split))
    return root


def test_a_fall_is_found_in_files_of_poses(root, tmp_path):
    recipe = resolve(
        {
            "name": "poses",
            "dataset": {
                "type": "listed",
                "split": str(root.parent / f"{root.name}.json"),
                "normal": "0",
                "fps": 25,
            },
            "features": {"type": "poses", "files": [str(root)], "people": 2},
            "method": {"type": "stg-nf"},
            "optimizers": {"flow": {"lr": 1e-2}},
            "train": {"epochs": 10, "batch_size": 16},
        }
    )
    run = vadkit.train(recipe, runs=tmp_path)
    assert vadkit.evaluate(run)["raw"]["micro-auc"] > 0.95
    fall = np.load(run / "scores" / "test" / "0_6.npz")["scores"]
    assert len(fall) == 85 and fall[45:66].min() > fall[:30].max()
    # No window has its middle in the first and last frames of a track; then nobody is there.
    assert (fall[:12] == fall.min()).all() and (fall[69:] == fall.min()).all()
    assert json.loads((run / "calibration.json").read_text())


def test_windows_are_normalised_by_hand():
    window = torch.zeros(1, 2, 2, 2)
    window[0, 1] = torch.tensor([[10.0, 14.0], [10.0, 14.0]])
    window[0, 0] = torch.tensor([[0.0, 0.0], [8.0, 8.0]])
    found = normalised(window)
    # The mean is (4, 12), and the deviation of heights is 2 pixels.
    assert found[0, 0].tolist() == [[-2, -2], [2, 2]]
    assert found[0, 1].tolist() == [[-1, 1], [-1, 1]]
    assert normalised(window, 1)[0, 0].tolist() == [[0, 0], [4, 4]]
    # Place and size of the person do not matter.
    torch.testing.assert_close(normalised(window * 3 + 40), found)


class Knows(PoseDiffusion):
    """Finds the noise of one future exactly."""

    def forward(self, noisy, step, code):
        kept = self.kept[step][:, None, None, None]
        return (noisy - kept.sqrt() * self.future) / (1 - kept).sqrt()


def test_drawing_without_errors_gives_the_future():
    network = Knows(JOINTS, width=4)
    method = MoCoDAD({"denoiser": network}, {}, STGNF.clip_spec(1, (8, 8), "rgb", 1), samples=3)
    network.kept, network.future = method.kept, torch.randn(1, 2, 3, JOINTS)
    drawn = method.eval().draw(torch.randn(2, 2, 3, JOINTS))
    assert drawn.shape == (2, 3, 2, 3, JOINTS)
    torch.testing.assert_close(drawn, network.future.expand_as(drawn), rtol=1e-3, atol=1e-3)


def test_the_share_of_poses_falls_as_a_cosine():
    kept = MoCoDAD(
        {"denoiser": PoseDiffusion(JOINTS, width=4)}, {}, STGNF.clip_spec(1, (8, 8), "rgb", 1)
    ).kept
    assert len(kept) == 10 and (kept.diff() < 0).all()
    start = np.cos(0.008 / 1.008 * np.pi / 2) ** 2
    half = np.cos((0.5 + 0.008) / 1.008 * np.pi / 2) ** 2
    assert kept[4].item() == pytest.approx(half / start, rel=1e-5)
    assert 0 < kept[-1] < 1e-3


def test_scores_repeat_and_do_not_depend_on_other_windows():
    torch.manual_seed(3)
    spec, network = STGNF.clip_spec(1, (8, 8), "rgb", 1), PoseDiffusion(JOINTS, width=8)
    method = MoCoDAD({"denoiser": network}, {}, spec, samples=5).eval()
    method.least.fill_(0)
    rows = torch.from_numpy(drawn_video(1).crop(0))
    scores = method.row_scores(rows)
    torch.rand(7)
    assert method.row_scores(rows).equal(scores)
    # A window's score needs its own frames alone.
    alone = method.row_scores(rows[30:36])
    one = rows.clone()
    one[:30, 1:] = 0
    one[36:, 1:] = 0
    torch.testing.assert_close(alone[5], method.row_scores(one)[35], rtol=1e-4, atol=1e-5)
    # The other noise draws other futures.
    other = MoCoDAD({"denoiser": network}, {}, spec, samples=5, seed=1).eval()
    other.least.fill_(0)
    assert not torch.allclose(other.row_scores(rows), scores)


def test_a_frame_has_the_score_of_its_most_unusual_person():
    spec, network = STGNF.clip_spec(1, (8, 8), "rgb", 1), PoseDiffusion(JOINTS, width=8)
    method = MoCoDAD({"denoiser": network}, {}, spec, samples=2).eval()
    method.least.fill_(-1.0)
    rows = torch.from_numpy(drawn_video(2, falls=60).crop(0))
    both, half = method.row_scores(rows), (rows.shape[1] - 1) // 2
    people = rows[:, 1:].view(len(rows), 2, half)
    each = []
    for number in (1, 2):
        only = people * (people[:, :, :1] == number)
        each.append(method.row_scores(torch.cat([rows[:, :1], only.flatten(1)], dim=1)))
    torch.testing.assert_close(both, torch.stack(each).amax(dim=0), rtol=1e-4, atol=1e-5)
    # In the first frames, nobody has a whole window.
    assert (both[:5] == -1).all() and (both[5:] > -1).all()
