"""The encoder-decoder-encoder of GANomaly, and its discriminator."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import Field
from torch import Tensor, nn

Width = Annotated[int, Field(ge=1)]


class Reconstruction(NamedTuple):
    """Clips (B, C, H, W) in -1..1, their codes and those of the reconstruction, (B, latent)."""

    output: Tensor
    code: Tensor
    code_of_output: Tensor


class GANomaly(nn.Module):
    """Generator of GANomaly: encoder, decoder, second encoder (Akcay et al., ACCV 2018).

    As in DCGAN (Radford et al., ICLR 2016), 4x4 convolutions with stride 2 halve the frame as long
    as both sides stay whole numbers of at least 4. They have batch normalisation and LeakyReLU 0.2;
    the first has ``width`` channels, and each further one twice as many. One convolution over the
    remaining area gives ``latent`` numbers. The decoder mirrors the encoder with ReLU, and ends in
    tanh. ``width`` 64 and ``latent`` 100 are the paper's values. Input (B, channels, H, W) of
    ``size``, multiples of 16.
    """

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        *,
        width: Width = 64,
        latent: Annotated[int, Field(ge=1)] = 100,
    ) -> None:
        super().__init__()
        self.encoder = _encoder(channels, size, width, latent)
        self.decoder = _decoder(channels, size, width, latent)
        self.again = _encoder(channels, size, width, latent)
        self.apply(_start)

    def forward(self, clips_BCHW: Tensor) -> Reconstruction:
        code = self.encoder(clips_BCHW)
        output = self.decoder(code)
        return Reconstruction(output, code.flatten(1), self.again(output).flatten(1))


class GANomalyDiscriminator(nn.Module):
    """Discriminator of GANomaly: an encoder whose last convolution gives one logit, (B, 1).

    ``features`` are the input of that convolution, which the generator learns to match.
    """

    def __init__(self, channels: int, size: tuple[int, int], *, width: Width = 64) -> None:
        super().__init__()
        *layers, self.last = _encoder(channels, size, width, 1)
        self.body = nn.Sequential(*layers)
        self.apply(_start)

    def features(self, clips_BCHW: Tensor) -> Tensor:
        found: Tensor = self.body(clips_BCHW)
        return found

    def forward(self, clips_BCHW: Tensor) -> Tensor:
        logits: Tensor = self.last(self.body(clips_BCHW))
        return logits.flatten(1)


def _sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the frame's size and its halved sizes."""
    sizes = [size]
    while all(side % 2 == 0 and side >= 8 for side in sizes[-1]):
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    return sizes


def _encoder(channels: int, size: tuple[int, int], width: int, latent: int) -> nn.Sequential:
    sizes = _sizes(size)
    layers: list[nn.Module] = []
    for level in range(len(sizes) - 1):
        layers.append(nn.Conv2d(channels, width << level, 4, 2, 1, bias=False))
        if level:
            layers.append(nn.BatchNorm2d(width << level))
        layers.append(nn.LeakyReLU(0.2))
        channels = width << level
    return nn.Sequential(*layers, nn.Conv2d(channels, latent, sizes[-1], bias=False))


def _decoder(channels: int, size: tuple[int, int], width: int, latent: int) -> nn.Sequential:
    sizes = _sizes(size)
    levels = len(sizes) - 1
    wide = width << (levels - 1)
    layers: list[nn.Module] = [
        nn.ConvTranspose2d(latent, wide, sizes[-1], bias=False),
        nn.BatchNorm2d(wide),
        nn.ReLU(),
    ]
    for level in range(levels - 2, -1, -1):
        layers += [
            nn.ConvTranspose2d(width << (level + 1), width << level, 4, 2, 1, bias=False),
            nn.BatchNorm2d(width << level),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers, nn.ConvTranspose2d(width, channels, 4, 2, 1), nn.Tanh())


def _start(module: nn.Module) -> None:
    """Initialise weights like DCGAN."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
