"""The common part of hooks that draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from vadkit.hooks.hook import FitContext, Hook, Slot


class PictureHook(Hook):
    """Base class of hooks that draw; their images also go to TensorBoard if it is installed."""

    slot: ClassVar[Slot] = "report"
    # Its images are in ``tensorboard/<name>``.
    name: ClassVar[str]

    def __init__(self) -> None:
        self.board: Any = None

    def on_fit_start(self, ctx: FitContext) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        # Its own folder, because TensorBoard follows only one growing file per folder.
        folder = ctx.run / "tensorboard" / self.name
        self.board = SummaryWriter(folder, purge_step=ctx.step + 1)

    def show(self, ctx: FitContext, tag: str, picture: Path) -> None:
        """Copy an image to TensorBoard."""
        if self.board is None:
            return
        import numpy as np
        from PIL import Image

        with Image.open(picture) as image:
            pixels = np.asarray(image.convert("RGB"))
        self.board.add_image(tag, pixels, ctx.step, dataformats="HWC")

    def close(self) -> None:
        if self.board is not None:
            self.board.close()
            self.board = None
