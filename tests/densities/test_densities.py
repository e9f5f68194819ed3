"""Densities against values worked out by hand, and what all of them share."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, spearmanr

from vadkit.densities.above_nearby import AboveNearby
from vadkit.densities.gmm import Gmm
from vadkit.densities.knn import Knn, farthest_points
from vadkit.densities.mahalanobis import Mahalanobis
from vadkit.densities.mulde import Mulde
from vadkit.densities.real_nvp import RealNvp
from vadkit.errors import TrainingError
from vadkit.registry import components

SMALL = {
    "above-nearby": lambda: AboveNearby(k=20),
    "gmm": lambda: Gmm(components=2),
    "knn": Knn,
    "mahalanobis": Mahalanobis,
    "real-nvp": lambda: RealNvp(width=8, layers=4, steps=40),
    "mulde": lambda: Mulde(width=16, steps=20, components=2),
}


def cloud(count=200, numbers=3):
    return torch.randn(count, numbers, generator=torch.Generator().manual_seed(0))


def test_every_density_is_checked():
    assert SMALL.keys() == components("densities").keys()


@pytest.mark.parametrize("name", SMALL)
def test_state_contains_what_was_learned(name):
    torch.manual_seed(3)
    density, fresh = SMALL[name](), SMALL[name]()
    density.fit(cloud())
    fresh.load_state_dict(density.state_dict())
    rows = cloud(7) + 0.1
    assert torch.equal(fresh(rows), density(rows))
    # And again over another fit, of another size.
    fresh.fit(cloud(50, 2))
    fresh.load_state_dict(density.state_dict())
    assert torch.equal(fresh(rows), density(rows))


@pytest.mark.parametrize("name", SMALL)
def test_rows_score_equally_alone_and_together_and_fitting_repeats(name):
    density, again = SMALL[name](), SMALL[name]()
    density.fit(cloud())
    torch.rand(5)
    again.fit(cloud())
    rows = cloud(6) + 0.1
    torch.testing.assert_close(again(rows), density(rows))
    alone = torch.cat([density(row[None]) for row in rows])
    torch.testing.assert_close(alone, density(rows), rtol=1e-4, atol=1e-4)
    assert density(rows[:0]).shape == (0,)
    assert density(torch.full((1, 3), 9.0)) > density(torch.zeros(1, 3))


@pytest.mark.parametrize("name", SMALL)
def test_too_few_rows_are_an_error(name):
    with pytest.raises(TrainingError, match=rf"{name}: 0 rows"):
        SMALL[name]().fit(torch.zeros(0, 3))


def test_real_nvp_is_a_density_of_the_rows():
    # Two moons cannot be told from their middle by a Gaussian.
    random = torch.Generator().manual_seed(0)
    angle = torch.rand(2000, generator=random) * math.pi
    ring = torch.stack([angle.cos(), angle.sin() * 3], dim=1)
    rows = ring + 0.1 * torch.randn(2000, 2, generator=random)
    density = RealNvp(steps=400, noise=0.01)
    density.fit(rows)
    at = density(torch.tensor([[0.0, 3.0], [0.0, 0.6]]))
    assert at[0] + 1 < at[1]
    # The density integrates to 1.
    steps = torch.linspace(-6, 8, 281)
    grid = torch.cartesian_prod(steps, steps)
    assert (-density(grid)).exp().sum().item() * 0.05**2 == pytest.approx(1, abs=0.02)


def test_real_nvp_of_one_number_is_a_gaussian():
    rows = 5 + 2 * cloud(2000, 1)
    density = RealNvp(steps=100, noise=0)
    density.fit(rows)
    wanted = -multivariate_normal(5, 4).logpdf([5.0, 9.0])
    assert density(torch.tensor([[5.0], [9.0]])).tolist() == pytest.approx(wanted, abs=0.2)


def test_knn_is_the_mean_distance_of_the_nearest():
    density = Knn(k=2)
    density.fit(torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
    found = density(torch.tensor([[0.0, 0.0], [3.0, 0.0]]))
    assert found.tolist() == pytest.approx([0.5, (3 + math.sqrt(10)) / 2])
    with pytest.raises(TrainingError, match="3 rows are too few for k = 4"):
        Knn(k=4).fit(torch.zeros(3, 2))


def test_faiss_finds_the_same_neighbours_in_a_small_bank():
    pytest.importorskip("faiss")
    exact, approximate = Knn(k=3), Knn(k=3, index="faiss")
    for density in (exact, approximate):
        density.fit(cloud(500, 20))
    rows = cloud(30, 20) + 0.05
    # 12 lists, of which 16 are looked through.
    torch.testing.assert_close(approximate(rows), exact(rows), rtol=1e-4, atol=1e-3)


def test_faiss_that_is_not_installed_is_named(monkeypatch):
    import sys

    from vadkit.errors import RecipeError

    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(RecipeError, match=r"pip install 'vadkit\[faiss\]'"):
        Knn(index="faiss")


def test_a_coreset_keeps_distant_rows():
    rows = torch.tensor([[0.0], [0.1], [10.0], [0.2], [5.0], [9.9]])
    assert farthest_points(rows, 3).tolist() == [0, 2, 4]
    density = Knn(coreset=3)
    density.fit(rows)
    assert density.bank[:, 0].tolist() == [0, 10, 5]
    assert density(torch.tensor([[0.2]])).item() == pytest.approx(0.2)


def test_a_coreset_of_long_rows_keeps_the_odd_one():
    rows = torch.ones(50, 300) + 0.01 * cloud(50, 300)
    rows[31] *= -1
    assert farthest_points(rows, 2).tolist() == [0, 31]


def test_mahalanobis_measures_in_deviations():
    rows = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    density = Mahalanobis(shrinkage=0)
    density.fit(rows)
    # Variances 2 and 0.5 about a mean of 0.
    found = density(torch.tensor([[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]]))
    assert found.tolist() == pytest.approx([math.sqrt(2), math.sqrt(8), 0], rel=1e-5)
    # Shrunk all the way: 1.25 both ways.
    density = Mahalanobis(shrinkage=1)
    density.fit(rows)
    assert density(torch.tensor([[0.0, 2.0]])).item() == pytest.approx(2 / math.sqrt(1.25))


def test_mahalanobis_of_long_rows_is_finite():
    density = Mahalanobis()
    density.fit(cloud(20, 60))
    assert density(cloud(5, 60)).isfinite().all()


@pytest.mark.parametrize("covariance", ["full", "diag"])
def test_one_gaussian_is_scipys(covariance):
    rows = cloud(4000, 2)
    if covariance == "full":
        rows = rows @ torch.tensor([[2.0, 0.5], [0.0, 1.0]])
    density = Gmm(components=1, covariance=covariance)
    density.fit(rows)
    cov = np.cov(rows.double().numpy().T, bias=True)
    cov = cov if covariance == "full" else np.diag(np.diag(cov))
    points = np.array([[0.0, 0.0], [3.0, -1.0]])
    wanted = -multivariate_normal(rows.double().mean(dim=0).numpy(), cov).logpdf(points)
    np.testing.assert_allclose(density(torch.tensor(points)), wanted, rtol=1e-4)


def test_a_mixture_is_scikit_learns():
    from sklearn.mixture import GaussianMixture

    rows = torch.cat([cloud(100, 2), cloud(60, 2) * 0.2 + 8])
    density = Gmm(components=3)
    density.fit(rows)
    reference = GaussianMixture(3, random_state=0).fit(rows.double().numpy())
    points = torch.tensor([[8.0, 8.0], [4.0, 4.0], [0.0, 0.0]])
    np.testing.assert_allclose(density(points), -reference.score_samples(points), rtol=1e-4)


def test_identical_rows_are_no_problem():
    for density in (Gmm(components=2), Mahalanobis(shrinkage=0), Knn()):
        density.fit(torch.ones(30, 2))
        near, far = density(torch.tensor([[1.0, 1.0], [1.5, 1.0]])).tolist()
        assert math.isfinite(near) and math.isfinite(far) and far > near


def test_mulde_recovers_the_order_of_a_known_density():
    # Two heaps of unlike weight and width.
    many, few = cloud(3000, 2), cloud(1000, 2) * 0.5 + 6
    density = Mulde(width=64, steps=500)
    density.fit(torch.cat([many, few]))
    points = torch.cat([cloud(200, 2) * 2, cloud(100, 2) + 6, torch.rand(100, 2) * 20 - 7])
    # The density that rows with the largest noise have, which is 1 of their deviations.
    truth = 0.75 * multivariate_normal([0, 0], np.eye(2)).pdf(points)
    truth += 0.25 * multivariate_normal([6, 6], 0.25 * np.eye(2)).pdf(points)
    rank = spearmanr(density(points).numpy(), -np.log(truth + 1e-300)).statistic
    assert rank > 0.9
    far = torch.tensor([[-9.0, 9.0], [15.0, 15.0]])
    assert density(far).min() > density(torch.tensor([[0.0, 0.0], [6.0, 6.0]])).max()


def test_above_nearby_by_hand():
    # On the left, values of 1 and 3; on the right, 10 and 20.
    rows = torch.tensor([[1.0, 0.0], [3.0, 0.1], [10.0, 5.0], [20.0, 5.1]])
    density = AboveNearby(k=2)
    density.fit(rows)
    found = density(torch.tensor([[4.0, 0.0], [4.0, 5.0], [15.0, 5.0], [1.0, 0.1]]))
    left, right = 2**0.5, 50**0.5
    wanted = [(4 - 2) / left, (4 - 15) / right, 0.0, (1 - 2) / left]
    assert found.tolist() == pytest.approx(wanted, abs=1e-5)


def test_above_nearby_without_a_place_or_a_spread():
    with pytest.raises(TrainingError, match="5 rows of 1 numbers"):
        AboveNearby().fit(torch.zeros(5, 1))
    density = AboveNearby()
    density.fit(torch.tensor([[2.0, 0.0]] * 3))
    found = density(torch.tensor([[2.0, 0.0], [2.1, 0.0]]))
    assert found.tolist() == pytest.approx([0, 50], rel=1e-3)
