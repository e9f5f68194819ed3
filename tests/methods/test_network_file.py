"""Features of segments by a network in a file."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vadkit import trust
from vadkit.data.tensors import Clips
from vadkit.errors import DataError, PluginError
from vadkit.methods.exported.extractor import NetworkFile


class Means(nn.Module):
    """The mean of each channel, of pictures or of segments."""

    def forward(self, given):
        return given.flatten(2).mean(dim=2)


@pytest.fixture
def clips():
    frames = torch.zeros(2, 3, 4, 8, 8)
    frames[1, 0] = torch.arange(4.0)[:, None, None]
    return Clips(frames)


def onnx_file(path, example):
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    batch = torch.export.Dim("batch")
    torch.onnx.export(
        Means().eval(),
        (example,),
        str(path),
        dynamo=True,
        dynamic_shapes=({0: batch},),
        external_data=False,
    )


def test_pictures_are_sampled_scaled_and_averaged(tmp_path, clips):
    onnx_file(tmp_path / "net.onnx", torch.zeros(2, 3, 8, 8))
    extractor = NetworkFile(
        file=tmp_path / "net.onnx", sampled=2, mean=(0.5, 0.0, 0.0), deviation=(2.0, 1.0, 1.0)
    )
    # Frames 1 and 3 of the second segment: ((1 - 0.5) / 2 + (3 - 0.5) / 2) / 2.
    assert extractor(clips)[:, 0].tolist() == [[-0.25, 0, 0], [0.75, 0, 0]]


def test_a_network_of_segments_in_a_trusted_file(tmp_path, clips):
    example = torch.zeros(2, 3, 4, 8, 8)
    batch = torch.export.Dim("batch")
    exported = torch.export.export(Means(), (example,), dynamic_shapes=({0: batch},))
    path = tmp_path / "net.pt2"
    torch.export.save(exported, path)
    with pytest.raises(PluginError, match=r"reading a \.pt2 file can run any code"):
        NetworkFile(file=path, sees="segments")
    trust.remember_own({trust.digest(path.read_bytes()): path}, "train")
    assert NetworkFile(file=path, sees="segments")(clips)[1, 0, 0].item() == 1.5
    with pytest.raises(DataError, match="does not accept pictures of shape"):
        NetworkFile(file=path)(clips)


def test_other_files_are_errors(tmp_path):
    (tmp_path / "net.pt").write_bytes(b"x")
    with pytest.raises(DataError, match="is not a network; expected an"):
        NetworkFile(file=tmp_path / "net.pt")
    with pytest.raises(DataError, match="a network not found"):
        NetworkFile(file=tmp_path / "none.onnx")
