"""Embeddings of texts: from a file by name or order, from a package, with as many features."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.data.texts import class_texts, embed, with_features
from vadkit.errors import DataError

NAMES = ["normal", "Fighting"]
ROWS = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)


def test_an_archive_is_read_by_name_and_an_array_in_order(tmp_path):
    np.savez(tmp_path / "a.npz", fighting=ROWS[1], normal=ROWS[:1], other=np.zeros(9))
    np.save(tmp_path / "a.npy", ROWS.astype(np.float16))
    for name in ("a.npz", "a.npy"):
        assert np.array_equal(class_texts(tmp_path / name, NAMES), ROWS)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"normal": ROWS[0]}, "has no 'Fighting'; it has normal; expected normal, Fighting"),
        ({"normal": ROWS[0], "fighting": ROWS[1, :2]}, "different numbers of features"),
        ({"normal": ROWS[0], "fighting": ROWS[1] * np.nan}, "zero or not finite"),
        ({"normal": ROWS[0], "fighting": ROWS[1] * 0}, "zero or not finite"),
    ],
)
def test_a_broken_archive_is_one_clear_error(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message):
        class_texts(tmp_path / "a.npz", NAMES)


def test_other_files_are_one_clear_error(tmp_path):
    with pytest.raises(DataError, match=r"cannot be read: .*No such file"):
        class_texts(tmp_path / "none.npy", NAMES)
    np.save(tmp_path / "three.npy", np.ones((3, 4)))
    with pytest.raises(DataError, match="for each of 2 texts, in this order: normal, Fighting"):
        class_texts(tmp_path / "three.npy", NAMES)
    (tmp_path / "text.npy").write_text("normal 1 2 3\n")
    with pytest.raises(DataError, match="not a NumPy file"):
        class_texts(tmp_path / "text.npy", NAMES)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 6), st.integers(1, 9), st.integers(6, 12), st.integers(0, 99))
def test_cosines_stay_in_any_number_of_features(rows, before, after, seed):
    first = np.random.default_rng(seed).normal(size=(rows, before)).astype(np.float32)
    unit = first / np.linalg.norm(first, axis=1, keepdims=True)
    second = with_features(first, after)
    assert second.shape == (rows, after)
    np.testing.assert_allclose(second @ second.T, unit @ unit.T, atol=1e-5)
    np.testing.assert_array_equal(second, with_features(first, after))


def test_the_package_knows_words():
    pytest.importorskip("wordllama")
    first, second, third, empty = embed(
        ["a man rides a bike", "cycling on a bicycle", "two people fight", ""]
    )
    assert first @ first == pytest.approx(1, abs=1e-5)
    assert first @ second > first @ third
    assert np.isfinite(empty).all()
