"""EfficientNet-Lite0, which torchvision does not have; its weights are in a package."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

# That of TensorFlow, where the weights come from.
_EPSILON = 1e-3


class Stage(NamedTuple):
    """Blocks of one width: their number, kernel, first stride, expansion and channels."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


# Tan and Le (EfficientNet, ICML 2019), table 1. The lite version has ReLU6 for swish, and no
# squeeze-and-excitation.
_STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


class EfficientNetLite0(nn.Module):
    """The layers before the classification layers: (B, 3, H, W) to (B, 1280, H/32, W/32).

    ``features.0`` is the first convolution, 1 to 7 are the stages, and 8 is the last convolution.
    The order of the state is that of the published weights. Convolutions with a step pad as
    TensorFlow does where sides are even.
    """

    def __init__(self) -> None:
        super().__init__()
        layers, width = [_conv(3, 32, 3, 2)], 32
        for stage in _STAGES:
            layers.append(_stage(width, stage))
            width = stage.channels
        self.features = nn.Sequential(*layers, _conv(width, 1280))

    def forward(self, x_B3HW: Tensor) -> Tensor:
        found: Tensor = self.features(x_B3HW)
        return found


def _stage(width: int, stage: Stage) -> nn.Sequential:
    blocks = [_Block(width, stage, stage.stride)]
    blocks += [_Block(stage.channels, stage, 1) for _ in range(stage.blocks - 1)]
    return nn.Sequential(*blocks)


class _Block(nn.Module):
    def __init__(self, width: int, stage: Stage, stride: int) -> None:
        super().__init__()
        inner = width * stage.expansion
        self.added = stride == 1 and width == stage.channels
        self.layers = nn.Sequential(
            *(_conv(width, inner) if stage.expansion > 1 else ()),
            *_conv(inner, inner, stage.kernel, stride, groups=inner),
            *_conv(inner, stage.channels)[:-1],
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        found: Tensor = self.layers(x_BCHW)
        return x_BCHW + found if self.added else found


def _conv(
    before: int, after: int, kernel: int = 1, stride: int = 1, *, groups: int = 1
) -> nn.Sequential:
    """Return a convolution, its norm and ReLU6."""
    layers: list[nn.Module] = []
    padding = kernel // 2
    if stride == 2:
        # One less on the left and above.
        layers.append(nn.ZeroPad2d((padding - 1, padding, padding - 1, padding)))
        padding = 0
    layers.append(nn.Conv2d(before, after, kernel, stride, padding, groups=groups, bias=False))
    return nn.Sequential(*layers, nn.BatchNorm2d(after, eps=_EPSILON), nn.ReLU6())
