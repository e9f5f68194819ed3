"""What hooks that draw have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from vadkit.hooks.hook import FitContext, Hook, Slot


class PictureHook(Hook):
    """Base of hooks that draw: their pictures also go to TensorBoard where it is installed."""

    slot: ClassVar[Slot] = "report"
    # Its pictures stand in ``tensorboard/<name>``.
    name: ClassVar[str]

    def __init__(self) -> None:
        self.board: Any = None

    def on_fit_start(self, ctx: FitContext) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        # A folder of its own, because TensorBoard follows one growing file a folder.
        folder = ctx.run / "tensorboard" / self.name
        self.board = SummaryWriter(folder, purge_step=ctx.step + 1)

    def show(self, ctx: FitContext, tag: str, picture: Path) -> None:
        """Copy a picture to TensorBoard."""
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
