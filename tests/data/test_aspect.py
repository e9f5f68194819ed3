"""The shape of pictures, compared with that of training."""

import pytest

from vadkit.data.aspect import check_aspect, common_aspect, other_aspect
from vadkit.errors import DataError


def test_the_common_shape_of_training_pictures():
    assert common_aspect([(360, 640), (720, 1280)]) == pytest.approx(16 / 9, abs=1e-4)
    # 640x352 is 16:9, rounded to multiples of 16.
    assert common_aspect([(352, 640), (720, 1280)]) is not None
    assert common_aspect([(480, 640), (720, 1280)]) is None
    assert common_aspect([None, None]) is None


def test_other_shapes_are_refused_with_both_in_the_message():
    check_aspect(16 / 9, (352, 640))
    check_aspect(None, (640, 360))
    assert not other_aspect(1.5, None)
    with pytest.raises(DataError, match=r"640x480 pixels are 1.33 times as wide.*training 1.78"):
        check_aspect(16 / 9, (480, 640))
    # A phone held upright.
    with pytest.raises(DataError, match="add --stretch"):
        check_aspect(16 / 9, (1920, 1080))
