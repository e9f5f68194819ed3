"""Augments on the device: one draw a clip, the generator's alone, in range and shape."""

import math

import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional

from vadkit.data.clips import tensor_augments as tensor_augments
from vadkit.data.clips.tensor_augments import rotation, warp
from vadkit.errors import RecipeError
from vadkit.registry import build, find
from vadkit.signatures import describe

NAMES = [
    "tensor-flip",
    "tensor-crop",
    "tensor-rotate",
    "tensor-color",
    "tensor-erase",
    "tensor-noise",
]
# Parameters that change nothing.
NOTHING = {
    "tensor-flip": {"horizontal": 0.0},
    "tensor-crop": {"share": 0.0},
    "tensor-rotate": {"degrees": 0.0},
    "tensor-color": {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0},
    "tensor-erase": {"p": 0.0},
    "tensor-noise": {"sigma": 0.0},
}
# Parameters as strong as they get.
MUCH = {
    "tensor-flip": {"horizontal": 1.0, "vertical": 1.0},
    "tensor-crop": {"share": 0.49},
    "tensor-rotate": {"degrees": 180.0},
    "tensor-color": {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0},
    "tensor-erase": {"p": 1.0, "share": (0.0, 1.0)},
    "tensor-noise": {"sigma": 1.0},
}


def make(name, **params):
    return build("augments", name, params)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def moving_clips(clips=6, channels=3, frames=4, height=24, width=32, dtype=torch.float32):
    """Random smooth pictures, another one in every frame; laid out in memory as the loader does."""
    coarse = torch.rand(clips * frames, channels, 6, 8, generator=seeded(7))
    smooth = functional.interpolate(coarse, (height, width), mode="bilinear")
    frames_last = smooth.view(clips, frames, channels, height, width).permute(0, 1, 3, 4, 2)
    return frames_last.contiguous().permute(0, 4, 1, 2, 3).to(dtype)


def still_clips(clips=16, **kwargs):
    """The same still picture in every frame of every clip."""
    return moving_clips(1, frames=1, **kwargs).expand(clips, -1, 3, -1, -1).clone()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("params", [{}, MUCH], ids=["default", "much"])
def test_shape_dtype_range_and_input_do_not_change(name, channels, dtype, params):
    clips = moving_clips(channels=channels, dtype=dtype)
    before = clips.clone()
    result = make(name, **params.get(name, {}))(clips, seeded())
    assert result.shape == clips.shape and result.dtype == dtype
    assert result.min() >= 0 and result.max() <= 1
    assert not result.isnan().any()
    assert not torch.equal(result, before)
    assert torch.equal(clips, before)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "tensor-noise"])
def test_frames_of_a_clip_change_equally_and_clips_differ(name):
    result = make(name)(still_clips(), seeded())
    assert torch.equal(result, result[:, :, :1].expand_as(result))
    assert len({clip.numpy().tobytes() for clip in result}) > 1


def test_equal_clips_differ_only_by_their_place_in_the_batch():
    """Nothing of one clip leaks into another: a clip's contents leave the others as they were."""
    clips = moving_clips()
    other = clips.clone()
    other[0] = 1 - other[0]
    for name in NAMES:
        one, two = make(name)(clips, seeded()), make(name)(other, seeded())
        assert torch.equal(one[1:], two[1:]), name


@pytest.mark.parametrize("name", NAMES)
def test_only_the_generator_decides(name):
    clips, augment = moving_clips(), make(name)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = augment(clips, seeded(3))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(make(name)(clips, seeded(3)), first)
    assert not torch.equal(augment(clips, seeded(4)), first)
    shared = seeded(3)
    assert torch.equal(augment(clips, shared), first)
    assert not torch.equal(augment(clips, shared), first)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_no_strength_changes_nothing(name, dtype):
    clips = moving_clips(dtype=dtype)
    assert torch.equal(make(name, **NOTHING[name])(clips, seeded()), clips)


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_is_float32_rounded(name):
    clips = moving_clips(dtype=torch.bfloat16)
    augment = make(name, **({"p": 1.0} if name == "tensor-erase" else {}))
    exact = augment(clips.float(), seeded())
    assert torch.equal(augment(clips, seeded()), exact.to(torch.bfloat16))


@pytest.mark.parametrize("name", NAMES)
def test_parameters_out_of_bounds_are_refused(name):
    for parameter, value in MUCH[name].items():
        beyond = (-0.1, 0.5) if isinstance(value, tuple) else -0.1
        with pytest.raises(ValidationError, match="greater than or equal to 0"):
            make(name, **{parameter: beyond})
        with pytest.raises(ValidationError, match="less than"):
            make(name, **{parameter: (0.5, 1.1) if isinstance(value, tuple) else 180.1})


@pytest.mark.parametrize("name", NAMES)
def test_listing_shows_parameters_with_bounds(name):
    info = describe(find("augments", name))
    assert info.summary and {one.name for one in info.parameters} >= set(NOTHING[name])
    assert all(one.bounds and one.default is not None for one in info.parameters)


def test_flips_are_exact():
    clips = moving_clips()
    assert torch.equal(make("tensor-flip", horizontal=1.0)(clips, seeded()), clips.flip(-1))
    upside = make("tensor-flip", horizontal=0.0, vertical=1.0)(clips, seeded())
    assert torch.equal(upside, clips.flip(-2))
    both = make("tensor-flip", horizontal=1.0, vertical=1.0)(clips, seeded())
    assert torch.equal(both, clips.flip(-1, -2))


def test_a_share_p_of_clips_is_flipped():
    clips = still_clips(400, height=6, width=8)
    result = make("tensor-flip", horizontal=0.25)(clips, seeded())
    flipped = (result == clips.flip(-1)).flatten(1).all(1)
    kept = (result == clips).flatten(1).all(1)
    assert (flipped ^ kept).all()
    # Four standard deviations of a binomial draw.
    assert abs(int(flipped.sum()) - 100) <= 4 * math.sqrt(400 * 0.25 * 0.75)


@pytest.mark.parametrize("turns", [-2, -1, 1, 2])
def test_quarter_turns_are_rot90(turns):
    clips = moving_clips(height=24, width=24)
    result = warp(clips, rotation(torch.full((6,), 90.0 * turns), 24, 24))
    torch.testing.assert_close(result, torch.rot90(clips, turns, (-2, -1)), rtol=0, atol=1e-5)


@pytest.mark.parametrize("degrees", [-37.0, 8.0, 20.0])
def test_rotation_agrees_with_torchvision_away_from_the_corners(degrees):
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.functional import rotate

    clips = moving_clips(1, height=48, width=64)
    result = warp(clips, rotation(torch.tensor([degrees]), 48, 64))
    expected = rotate(clips[0], degrees, InterpolationMode.BILINEAR)
    y, x = torch.meshgrid(torch.arange(48) - 23.5, torch.arange(64) - 31.5, indexing="ij")
    disc = x.square() + y.square() < 22**2
    torch.testing.assert_close(result[0][..., disc], expected[..., disc], rtol=0, atol=1e-4)


def test_rotation_keeps_to_its_degrees_and_continues_edges():
    # A straight edge through the centre; its slope in the result is the angle drawn.
    clips = torch.zeros(64, 1, 1, 65, 65)
    clips[..., :32, :] = 1
    clips[..., 32, :] = 0.5
    result = make("tensor-rotate", degrees=30.0)(clips, seeded())[:, 0, 0]
    rise = result[:, :, 12].sum(1) - result[:, :, 52].sum(1)
    degrees = torch.rad2deg(torch.atan(rise / 40))
    assert degrees.abs().max() <= 30.1
    assert degrees.min() < -20 and degrees.max() > 20
    white = make("tensor-rotate", degrees=180.0)(torch.ones(8, 3, 2, 16, 24), seeded())
    torch.testing.assert_close(white, torch.ones_like(white), rtol=0, atol=1e-6)


def test_crop_is_an_upscaled_window_of_the_clip():
    # Each pixel tells its place, so the result tells the window that was cut out.
    x, y = (torch.arange(80) + 0.5) / 80, (torch.arange(60) + 0.5) / 60
    clips = torch.stack([x.expand(60, 80), y[:, None].expand(60, 80)]).view(1, 2, 1, 60, 80)
    result = make("tensor-crop", share=0.2)(clips.expand(200, -1, -1, -1, -1), seeded())[:, :, 0]
    for places in (result[:, 0, 30], result[:, 1, :, 40]):
        step = (places[:, -5] - places[:, 4]) / (places.shape[1] - 9)
        before, after = places[:, 4] - 4.5 * step, places[:, -5] + 4.5 * step
        for cut in (before, 1 - after):
            assert cut.min() >= -1e-4 and cut.max() <= 0.2 + 1e-4
            assert cut.min() < 0.02 and cut.max() > 0.18
        torch.testing.assert_close(
            places.diff()[:, 4:-4], step[:, None].expand(-1, places.shape[1] - 9), rtol=0, atol=1e-5
        )


def test_warp_by_the_identity_changes_almost_nothing():
    clips = moving_clips()
    result = warp(clips, torch.eye(3)[:2].expand(6, 2, 3))
    torch.testing.assert_close(result, clips, rtol=0, atol=1e-6)


def test_warp_is_as_exact_under_autocast():
    clips = moving_clips()
    matrix = rotation(torch.full((6,), 10.0), 24, 32)
    with torch.autocast("cpu", torch.bfloat16):
        result = warp(clips, matrix)
    assert torch.equal(result, warp(clips, matrix))


@pytest.mark.parametrize("part", ["brightness", "contrast", "saturation"])
def test_color_is_what_torchvision_does_by_some_factor(part):
    from torchvision.transforms import functional as vision

    # One frame a clip, as torchvision takes the contrast's mean of one picture.
    clips = moving_clips(frames=1)
    params = {**NOTHING["tensor-color"], part: 0.5}
    result = make("tensor-color", **params)(clips, seeded())
    factors = []
    for before, after in zip(clips[:, :, 0], result[:, :, 0], strict=True):
        adjust = getattr(vision, f"adjust_{part}")
        # torchvision's picture is 0 or gray at factor 0, and linear in the factor where unclipped.
        base = adjust(before, 0.0)
        inside = (after > 0) & (after < 1) & ((before - base).abs() > 0.05)
        factor = ((after - base) / (before - base))[inside].median().item()
        torch.testing.assert_close(after, adjust(before, factor), rtol=0, atol=2e-3)
        factors.append(factor)
    assert 0.5 <= min(factors) < 0.95 and 1.05 < max(factors) <= 1.5


def test_one_channel_has_no_saturation_to_change():
    clips = moving_clips(channels=1)
    params = {"brightness": 0.3, "contrast": 0.3}
    some = make("tensor-color", **params, saturation=0.9)(clips, seeded())
    assert torch.equal(some, make("tensor-color", **params, saturation=0.0)(clips, seeded()))
    alone = make("tensor-color", **NOTHING["tensor-color"] | {"saturation": 0.9})
    assert torch.equal(alone(clips, seeded()), clips)


def test_contrast_is_measured_from_the_whole_clip():
    # Two flat frames have no contrast each, but together they have.
    clips = torch.cat([torch.full((9, 1, 1, 4, 4), v) for v in (0.25, 0.75)], dim=2)
    params = NOTHING["tensor-color"] | {"contrast": 0.5}
    result = make("tensor-color", **params)(clips, seeded())
    gap = result[:, 0, 1, 0, 0] - result[:, 0, 0, 0, 0]
    assert gap.min() < 0.4 and gap.max() > 0.6
    torch.testing.assert_close(result.mean(dim=(1, 2, 3, 4)), torch.full((9,), 0.5))


def test_erase_paints_one_rectangle_in_the_clips_mean():
    clips = moving_clips(100, frames=2, height=50, width=60)
    result = make("tensor-erase", p=1.0, share=(0.1, 0.3))(clips, seeded())
    mean = clips.mean(dim=(2, 3, 4))
    shares, tops = [], set()
    for before, after, colour in zip(clips, result, mean, strict=True):
        changed = (before != after).any(0).any(0)
        rows, columns = changed.any(1).nonzero()[:, 0], changed.any(0).nonzero()[:, 0]
        top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        window = after[:, :, top:bottom, left:right]
        assert torch.equal(window, colour[:, None, None, None].expand_as(window))
        height, width = (bottom - top) / 50, (right - left) / 60
        shares.append(float(height * width))
        tops.add(int(top))
        # A side is rounded to whole pixels.
        assert 1 / 3.8 < height / width < 3.8
    assert 0.09 < min(shares) < 0.13 and 0.27 < max(shares) < 0.32
    assert len(tops) > 20


def test_erase_takes_the_whole_frame_at_share_1_and_a_share_p_of_clips():
    clips = moving_clips(200, height=6, width=8)
    whole = make("tensor-erase", p=1.0, share=(1.0, 1.0))(clips, seeded())
    flat = clips.mean(dim=(2, 3, 4), keepdim=True).expand_as(clips)
    assert torch.equal(whole, flat)
    some = make("tensor-erase", p=0.3, share=(1.0, 1.0))(clips, seeded())
    erased = int((some == flat).flatten(1).all(1).sum())
    assert abs(erased - 60) <= 4 * math.sqrt(200 * 0.3 * 0.7)


def test_erase_refuses_a_reversed_range():
    with pytest.raises(
        RecipeError, match=r"tensor-erase: share must be \[least, most\]; got \[0.5,"
    ):
        make("tensor-erase", share=(0.5, 0.1))


def test_noise_is_gaussian_of_up_to_sigma_and_fresh_in_every_frame():
    clips = torch.full((300, 3, 2, 12, 12), 0.5)
    noise = make("tensor-noise", sigma=0.1)(clips, seeded()) - clips
    spread = noise.flatten(1).std(1)
    # A clip's spread is known to about 2.5 %.
    assert spread.max() < 0.112 and spread.max() > 0.09 and spread.min() < 0.01
    assert abs(float(spread.mean()) - 0.05) < 0.01
    assert abs(float(noise.mean())) < 1e-3
    strong = noise[spread > 0.05]
    inside = (strong.abs() < strong.flatten(1).std(1).view(-1, 1, 1, 1, 1)).float().mean()
    assert abs(float(inside) - 0.683) < 0.01
    for one, other in ((strong[:, :, 0], strong[:, :, 1]), (strong[:, 0], strong[:, 1])):
        assert abs(float((one * other).mean() / strong.square().mean())) < 0.02


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", [name for name in NAMES if name != "tensor-noise"])
def test_a_gpu_draws_what_the_cpu_draws(name):
    clips, augment = moving_clips(), make(name)
    result = augment(clips.cuda(), seeded())
    assert result.device.type == "cuda"
    torch.testing.assert_close(result.cpu(), augment(clips, seeded()), rtol=0, atol=1e-4)


def test_every_tensor_augment_of_the_table_is_tested_here():
    from vadkit.data import COMPONENTS

    assert [name for name in COMPONENTS["augments"] if name.startswith("tensor-")] == NAMES
    assert all(find("augments", name).target.startswith(tensor_augments.__name__) for name in NAMES)
