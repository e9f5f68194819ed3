"""Frozen layers in ONNX Runtime against PyTorch, in turns on one thread.

    python benchmarks/frozen_layers.py [--models mobilenet_v2 efficientnet_lite0] [--frames 100]

Pictures have the size that `place-features` gives to video of 640x360. Prints the processor time of
a frame in both, their ratio, and the largest difference of the features. Needs the extra
`backbones`; the weights do not change the time and are random.
"""

from __future__ import annotations

import argparse
import time

import torch

from vadkit.features import frozen
from vadkit.features.frozen import FrozenTrunk

SIZE = (144, 256)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["mobilenet_v2", "efficientnet_lite0"])
    parser.add_argument("--frames", type=int, default=100)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for model in given.models:
        fast, plain, difference = measured(model, given.frames)
        print(
            f"{model}: ONNX Runtime {fast:.1f} ms, PyTorch {plain:.1f} ms, ratio "
            f"{plain / fast:.2f}, difference {difference:.1g}"
        )


def measured(model: str, frames: int) -> tuple[float, float, float]:
    """Return milliseconds of processor time a frame of both, and the largest difference."""
    with_onnx, without = FrozenTrunk(model), FrozenTrunk(model)
    without.load_state_dict(with_onnx.state_dict())
    pictures = torch.rand(frames, 3, *SIZE)
    # The first call makes the graph, or folds the norms.
    with_onnx(pictures[:1])
    if with_onnx._onnx[(3, *SIZE)] is None:
        raise SystemExit("ONNX Runtime cannot compute these layers; is the extra installed?")
    made, frozen.onnx_layers = frozen.onnx_layers, lambda layers, picture: None
    without(pictures[:1])
    frozen.onnx_layers = made
    spent, difference = [0.0, 0.0], 0.0
    for picture in pictures.split(1):
        found = []
        for number, trunk in enumerate((with_onnx, without)):
            start = time.process_time()
            found.append(trunk(picture))
            spent[number] += time.process_time() - start
        difference = max(difference, (found[0] - found[1]).abs().max().item())
    return 1000 * spent[0] / frames, 1000 * spent[1] / frames, difference


if __name__ == "__main__":
    main()
