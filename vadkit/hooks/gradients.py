"""Statistics of gradients."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from vadkit.hooks.hook import FitContext, Hook, Slot

if TYPE_CHECKING:
    from torch import Tensor

_log = logging.getLogger("vadkit.hooks")


class Gradients(Hook):
    """Logs each role's gradient norm as ``gradients/<role>`` (mean) and ``gradients/<role>-max``.

    The norm is computed over all gradients of the role together, before clipping, at each optimizer
    step of the epoch. A warning names, once, the parameters that had no gradient or only zero
    gradients during a whole epoch, because they do not learn.
    """

    slot: ClassVar[Slot] = "measure"

    def __init__(self) -> None:
        # By role, all on the device: the number of steps, the sum and maximum of their norms, and
        # the maximum norm of each parameter.
        self.seen: dict[str, dict[str, Any]] = {}
        self.warned: list[str] = []

    def on_gradients(self, ctx: FitContext, role: str) -> None:
        import torch

        gradients = [parameter.grad for parameter in ctx.method.parameters_of(role)]
        if not gradients:
            return
        zero = torch.zeros((), device=next(iter(ctx.method.parameters_of(role))).device)
        norms = torch.stack([zero if g is None else _norm(g) for g in gradients])
        norm = _norm(norms)
        if role not in self.seen:
            self.seen[role] = {"steps": 1, "sum": norm, "max": norm, "each": norms}
            return
        seen = self.seen[role]
        seen["steps"] += 1
        seen["sum"] = seen["sum"] + norm
        seen["max"] = torch.maximum(seen["max"], norm)
        seen["each"] = torch.maximum(seen["each"], norms)

    def on_epoch_end(self, ctx: FitContext) -> None:
        names = {id(parameter): name for name, parameter in ctx.method.named_parameters()}
        still = []
        for role, seen in self.seen.items():
            ctx.logs[f"gradients/{role}"] = float(seen["sum"]) / seen["steps"]
            ctx.logs[f"gradients/{role}-max"] = float(seen["max"])
            for parameter, largest in zip(
                ctx.method.parameters_of(role), seen["each"].tolist(), strict=True
            ):
                if largest == 0:
                    still.append(names[id(parameter)])
        self.seen = {}
        new = [name for name in still if name not in self.warned]
        if new:
            self.warned += new
            _log.warning("no gradient in all of epoch %d: %s", ctx.epoch, ", ".join(new))

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen, "warned": self.warned}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seen, self.warned = state["seen"], state["warned"]


def _norm(values: Tensor) -> Tensor:
    import torch

    norm: Tensor = torch.linalg.vector_norm(values, dtype=torch.float32)
    return norm
