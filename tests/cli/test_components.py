"""What ``list-components`` tells about one component."""

import pytest

from vadkit.registry import components


def test_a_protocol_is_shown_with_its_choices(vadkit):
    code, out, err = vadkit("list-components", "protocols", "aed-sssmtl")
    assert (code, err) == (0, "")
    rows = [line for line in out.splitlines() if line.startswith("  ") and line[2] != " "]
    shown = dict(row.strip().split("  ", 1) for row in rows)
    assert shown["main metric"].strip() == "padded-macro-auc"
    assert shown["smoothing"].strip() == "Gaussian, sigma 10 frames"
    assert shown["normalisation"].strip() == "not normalised"
    assert "Georgescu et al., CVPR 2021" in out
    assert "frames without a score  dropped" in out
    assert "no: smooths with later frames" in out


@pytest.mark.parametrize("name", sorted(components("protocols")))
def test_every_protocol_fits_80_columns(vadkit, name):
    code, out, _ = vadkit("list-components", "protocols", name)
    assert code == 0
    assert all(len(line) <= 80 for line in out.partition("Parameters:")[0].splitlines())
