"""Frozen layers computed by ONNX Runtime, which is faster than PyTorch on a CPU."""

from __future__ import annotations

import importlib.util
import io
import logging
import warnings
from typing import Any

import torch
from torch import Tensor, nn

_log = logging.getLogger("vadkit.features")
# Version 17 of the operators, of 2022.
_OPERATORS = 17
# Features that differ by more are not used.
_MOST = 1e-3


class OnnxLayers:
    """Layers as a function of one picture (1, C, H, W) on the CPU, always of the same size."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __call__(self, picture_1CHW: Tensor) -> Tensor:
        (found,) = self._session.run(None, {"picture": picture_1CHW.contiguous().numpy()})
        return torch.from_numpy(found)

    def __deepcopy__(self, memo: dict[int, Any]) -> OnnxLayers:
        # It has no state, and sessions cannot be copied.
        return self


def onnx_layers(layers: nn.Module, picture_1CHW: Tensor) -> OnnxLayers | None:
    """Return ``layers`` for pictures of this size; None if PyTorch has to compute them.

    That is if ``onnx`` or ``onnxruntime`` is not installed, if the layers cannot be written as a
    graph, or if the features of ``picture_1CHW`` differ by more than 0.001. A message says so.
    """
    if not all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime")):
        _log.info("PyTorch computes features; ONNX Runtime is faster (vadkit[backbones])")
        return None
    try:
        made = OnnxLayers(_session(layers, picture_1CHW))
        difference = (made(picture_1CHW) - layers(picture_1CHW)).abs().max().item()
    except Exception as error:
        # Both packages raise errors of many types.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        _log.warning("PyTorch computes features, because ONNX Runtime cannot: %s", reason)
        return None
    if not difference <= _MOST:
        _log.warning("PyTorch computes features: those of ONNX Runtime differ by %.2g", difference)
        return None
    _log.info("ONNX Runtime computes features; they differ from PyTorch's by %.1g", difference)
    return made


def _session(layers: nn.Module, picture_1CHW: Tensor) -> Any:
    import onnxruntime

    # The exporter that traces takes a stream, which its types leave out.
    graph: Any = io.BytesIO()
    with warnings.catch_warnings():
        # The exporter that traces is called outdated, but the other one takes many seconds.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            layers,
            (picture_1CHW.contiguous(),),
            graph,
            input_names=["picture"],
            dynamo=False,
            opset_version=_OPERATORS,
        )
    options = onnxruntime.SessionOptions()
    # Other threads decode and compute optical flow meanwhile.
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        graph.getvalue(), options, providers=["CPUExecutionProvider"]
    )
