"""The interface of the family ``densities``."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn


class Density(nn.Module):
    """Measures how rare rows are among those that it was fitted on.

    It stores what it learned in buffers, whose sizes depend on the rows; loading a state takes the
    sizes of that state.
    """

    # Whether ``add`` is implemented.
    adds: ClassVar[bool] = False

    def fit(self, rows_NF: Tensor) -> None:
        """Fit to rows (N, F) of float32 on the CPU.

        Raises ``TrainingError`` if there are too few.
        """
        raise NotImplementedError

    def add(self, rows_NF: Tensor) -> None:
        """Add rows (N, F) of normal video, long after ``fit``; they must clearly count."""
        raise NotImplementedError

    def forward(self, rows_NF: Tensor) -> Tensor:
        """Return how rare each row is, (N,); higher is rarer. Rows may be on any device."""
        raise NotImplementedError

    def keep(self, **learned: Tensor) -> None:
        """Store values in buffers of any size, on the device of the existing buffers."""
        for name, value in learned.items():
            buffer = getattr(self, name)
            setattr(self, name, value.to(buffer.device, buffer.dtype))

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        for name, buffer in self._buffers.items():
            if buffer is not None and prefix + name in state_dict:
                setattr(self, name, buffer.new_empty(state_dict[prefix + name].shape))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
