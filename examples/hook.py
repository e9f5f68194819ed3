"""A hook: after every epoch, log the scores of normal clips and the memory in use."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field

import vadkit

_HEADER = "epoch,loss,score_median,score_p99,gpu_mib"


@vadkit.register("hooks", "score-log")
class ScoreLog(vadkit.Hook):
    """Writes ``score-log.csv``: a line per epoch with the loss and the scores of training clips.

    The scores are those of ``clips`` clips, evenly spread and without augments: their median and
    99% quantile. If the loss still falls but the scores no longer do, longer training does not help
    detection. ``gpu_mib`` is the highest memory use on a GPU so far, and 0 on a CPU.
    """

    # Runs before the hooks that log metrics and save checkpoints.
    slot: ClassVar = "measure"

    def __init__(self, *, clips: Annotated[int, Field(ge=1)] = 64) -> None:
        self.clips = clips
        self.lines = [_HEADER]

    def on_epoch_end(self, ctx: vadkit.FitContext) -> None:
        scores = []
        with ctx.scoring():  # eval mode, no gradients, the precision of the run
            for clips, _ in ctx.sample(self.clips):
                scores.append(ctx.method.score(clips).frames.float().cpu().numpy().ravel())
        middle, high = np.nanquantile(np.concatenate(scores), [0.5, 0.99])
        # What is in `ctx.logs` also goes to metrics.jsonl and TensorBoard.
        ctx.logs["score/median"], ctx.logs["score/p99"] = float(middle), float(high)
        memory = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
        loss = ctx.logs["loss"]
        self.lines.append(f"{ctx.epoch},{loss:.6g},{middle:.6g},{high:.6g},{memory >> 20}")
        (ctx.run / "score-log.csv").write_text("\n".join(self.lines) + "\n")

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs; it is saved in the checkpoint."""
        return {"lines": self.lines}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue after the last line of the checkpoint."""
        self.lines = state["lines"]
