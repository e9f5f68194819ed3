"""What every head promises: shapes, padding that changes nothing, gradients everywhere."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.networks.heads.bn_wvad import BNWVAD
from vadkit.networks.heads.mgfn import MGFN
from vadkit.networks.heads.pel4vad import PEL4VAD
from vadkit.networks.heads.rtfm import RTFM
from vadkit.networks.heads.s3r import S3R
from vadkit.networks.heads.ur_dmu import URDMU
from vadkit.networks.heads.vadclip import VadCLIP

D = 12
SMALL = {"width": 16, "heads": 2, "head_width": 8}
HEADS = {
    "rtfm": lambda: RTFM(D, widths=(16, 8)),
    "mgfn": lambda: MGFN(D, widths=(8, 16, 32), depths=(1, 1, 1)),
    "ur-dmu": lambda: URDMU(D, slots=5, blocks=1, **SMALL),
    "s3r": lambda: S3R(D, slots=6, reduction=4, widths=(16, 8)),
    "pel4vad": lambda: PEL4VAD(D, out=10, hidden=8, middle=16, window=3, kernel=3),
    "bn-wvad": lambda: BNWVAD(D, ratios=(2, 4), blocks=1, **SMALL),
    "vadclip": lambda: WithTexts(D, 3, length=6, window=4, layers=1, heads=2),
}


class WithTexts(VadCLIP):
    def forward(self, features, mask=None):
        return super().forward(features, mask, torch.eye(3, D))


def tensors(output):
    return [value for value in output if value.ndim >= 2]


@pytest.fixture(params=HEADS)
def head(request):
    torch.manual_seed(0)
    return HEADS[request.param]()


@settings(deadline=None, max_examples=8)
@given(st.sampled_from(sorted(HEADS)), st.integers(1, 20), st.integers(1, 6))
def test_padding_changes_nothing(name, length, padding):
    torch.manual_seed(length)
    head = HEADS[name]().eval()
    features = torch.randn(2, length, D)
    junk = torch.full((2, padding, D), torch.nan)
    mask = torch.arange(length + padding).expand(2, -1) < length
    with torch.no_grad():
        exact = head(features).scores
        padded = head(torch.cat([features, junk], dim=1), mask).scores
    assert exact.shape == (2, length)
    assert exact.min() >= 0 and exact.max() <= 1 and exact.dtype == torch.float32
    torch.testing.assert_close(padded[:, :length], exact, rtol=1e-4, atol=1e-6)
    assert not padded[:, length:].any()


def test_a_bag_has_the_same_scores_alone_and_in_a_batch(head):
    head.eval()
    features = torch.randn(3, 9, D)
    with torch.no_grad():
        together = head(features).scores
        alone = torch.cat([head(one[None]).scores for one in features])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["mgfn", "rtfm", "s3r"])
def test_magnitudes_are_the_lengths_of_the_features(name):
    torch.manual_seed(0)
    mask = torch.arange(9).expand(2, -1) < torch.tensor([[9], [4]])
    found = HEADS[name]().eval()(torch.randn(2, 9, D), mask)
    torch.testing.assert_close(found.magnitudes, found.features.square().sum(dim=2).sqrt() * mask)


def test_gradients_reach_every_weight(head):
    head.train()
    mask = torch.ones(4, 9, dtype=torch.bool)
    mask[1, 5:] = False
    features = torch.randn(4, 9, D)
    inputs = (features, mask, torch.zeros(4)) if isinstance(head, URDMU) else (features, mask)
    # Two steps, because a layer that starts at 0 stops the gradient of those before it.
    optimizer = torch.optim.SGD(head.parameters(), 0.1)
    reached = set()
    for _ in range(2):
        optimizer.zero_grad()
        sum(value.square().mean() for value in tensors(head(*inputs))).backward()
        optimizer.step()
        reached |= {n for n, p in head.named_parameters() if p.grad is not None and p.grad.any()}
    unreached = {name for name, _ in head.named_parameters()} - reached
    # A bias before a softmax over its own axis changes nothing.
    assert {name for name in unreached if not name.endswith("key.bias")} == set()


def test_a_batch_of_one_segment_trains(head):
    value = head.train()(torch.randn(1, 1, D)).scores.mean()
    value.backward()
    assert value.isfinite()
    assert all(p.grad is None or p.grad.isfinite().all() for p in head.parameters())


def test_zeros_have_finite_gradients(head):
    outputs = tensors(head.train()(torch.zeros(2, 5, D)))
    sum(value.mean() for value in outputs).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in head.parameters())


def test_bfloat16_is_near(head):
    head.eval()
    features = torch.randn(2, 7, D)
    with torch.no_grad():
        exact = head(features).scores
        with torch.autocast("cpu", dtype=torch.bfloat16):
            near = head(features).scores
    assert near.dtype == torch.float32
    torch.testing.assert_close(near, exact, rtol=0.1, atol=0.03)
