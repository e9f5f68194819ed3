"""Batch normalisation and dropout over the whole batch, of which a process has a part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, distributed, nn

from vadkit.ranks import own_rows, shared

_Norm = nn.modules.batchnorm._BatchNorm
_Dropout = nn.modules.dropout._DropoutNd


def share_layers(networks: nn.Module) -> None:
    """Let batch normalisation and dropout of networks work on the whole batch in a train step.

    Weights and state stay the same objects under the same names. On a GPU, batch normalisation is
    PyTorch's ``SyncBatchNorm``, which does not run on the CPU.
    """
    device = next((one.device for one in networks.parameters()), torch.device("cpu"))
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(networks)
    for module in networks.modules():
        if type(module) in _SHARED:
            module.__class__ = _SHARED[type(module)]


def has_batch_norm(networks: nn.Module) -> bool:
    """Whether networks normalise over the batch."""
    return any(isinstance(one, _Norm) for one in networks.modules())


class _SharedNorm(_Norm):
    def forward(self, input: Tensor) -> Tensor:
        if not (self.training and shared()):
            return super().forward(input)
        # Messages cannot be compiled.
        output: Tensor = torch.compiler.disable(_normalised)(self, input)
        return output


def _normalised(norm: _Norm, input: Tensor) -> Tensor:
    """Normalise by the mean and variance of the whole batch, whose sums are in float64."""
    pixels = input.float()
    dims = [0, *range(2, pixels.ndim)]
    shape = [1, -1, *[1] * (pixels.ndim - 2)]
    items = pixels.new_tensor([pixels.numel() / pixels.shape[1]], dtype=torch.float64)
    sums = _total(torch.cat([pixels.sum(dims, dtype=torch.float64), items]))
    count = sums[-1].detach()
    mean = sums[:-1] / count
    centred = pixels - mean.float().view(shape)
    variance = _total(centred.square().sum(dims, dtype=torch.float64)) / count
    _remember(norm, mean.detach(), variance.detach() * count / (count - 1))
    output = centred * (variance + norm.eps).rsqrt().float().view(shape)
    if norm.weight is not None:
        output = output * norm.weight.view(shape) + norm.bias.view(shape)
    return output.to(input.dtype)


@torch.no_grad()
def _remember(norm: _Norm, mean: Tensor, variance: Tensor) -> None:
    if norm.running_mean is None or norm.running_var is None:
        return
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)
    share = norm.momentum
    if share is None:
        share = 1 / float(norm.num_batches_tracked)
    norm.running_mean.lerp_(mean.to(norm.running_mean), share)
    norm.running_var.lerp_(variance.to(norm.running_var), share)


class _Total(torch.autograd.Function):
    """The sum over processes; the gradient of a part is the sum of all gradients of the total."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        whole = values.detach().clone()
        distributed.all_reduce(whole)
        return whole

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _total(gradients[0].contiguous())


def _total(values: Tensor) -> Tensor:
    whole: Tensor = _Total.apply(values)
    return whole


class _SharedDropout(_Dropout):
    def forward(self, input: Tensor) -> Tensor:
        drop: Callable[[Tensor], Tensor] = super().forward
        if not (self.training and shared()):
            return drop(input)

        # Kept values are 1 / (1 - p). The parts have the layout of the input, on which the order of
        # the draws depends.
        def draw(rows: int) -> Tensor:
            return drop(torch.cat([torch.ones_like(input)] * (rows // len(input))))

        return input * own_rows(draw, len(input))


class _SharedNorm1d(_SharedNorm, nn.BatchNorm1d):
    pass


class _SharedNorm2d(_SharedNorm, nn.BatchNorm2d):
    pass


class _SharedNorm3d(_SharedNorm, nn.BatchNorm3d):
    pass


class _SharedDropout0d(_SharedDropout, nn.Dropout):
    pass


class _SharedDropout1d(_SharedDropout, nn.Dropout1d):
    pass


class _SharedDropout2d(_SharedDropout, nn.Dropout2d):
    pass


class _SharedDropout3d(_SharedDropout, nn.Dropout3d):
    pass


_SHARED: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm1d: _SharedNorm1d,
    nn.BatchNorm2d: _SharedNorm2d,
    nn.BatchNorm3d: _SharedNorm3d,
    nn.Dropout: _SharedDropout0d,
    nn.Dropout1d: _SharedDropout1d,
    nn.Dropout2d: _SharedDropout2d,
    nn.Dropout3d: _SharedDropout3d,
}
