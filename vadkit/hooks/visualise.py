"""Images of the method's output on training clips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from vadkit.errors import RecipeError
from vadkit.hooks.hook import FitContext
from vadkit.hooks.pictures import PictureHook

if TYPE_CHECKING:
    from vadkit.reports.clip_grid import ClipRow


class Visualise(PictureHook):
    """Draws frames, the method's output and its error maps in ``visualise/epoch-0003.png``.

    Every ``every`` epochs and at the end, it draws the same ``clips`` training clips, evenly spread
    and without augments; for each clip the middle one of its scored frames. Raises ``RecipeError``
    for a method that has neither an output nor maps.
    """

    name: ClassVar[str] = "visualise"

    def __init__(
        self,
        *,
        every: Annotated[int, Field(ge=1)] = 1,
        clips: Annotated[int, Field(ge=1, le=64)] = 4,
    ) -> None:
        super().__init__()
        self.every = every
        self.clips = clips

    def on_fit_start(self, ctx: FitContext) -> None:
        # Find out that a method has nothing to show before it has trained for long. A method
        # without gradients may not be able to score yet.
        if ctx.epochs:
            self._rows(ctx, 1)
        super().on_fit_start(ctx)

    def on_epoch_end(self, ctx: FitContext) -> None:
        if ctx.epoch % self.every == 0 and not ctx.ending:
            self._draw(ctx)

    def on_fit_end(self, ctx: FitContext) -> None:
        self._draw(ctx)

    def _draw(self, ctx: FitContext) -> None:
        from vadkit.reports.clip_grid import clip_grid

        path = ctx.run / "visualise" / f"epoch-{ctx.epoch:04d}.png"
        clip_grid(path, self._rows(ctx, self.clips), title=f"{ctx.name}, epoch {ctx.epoch}")
        self.show(ctx, "visualise", path)

    def _rows(self, ctx: FitContext, count: int) -> list[ClipRow]:
        """Return the middle scored frame of up to ``count`` clips, with the method's output."""
        from vadkit.reports.clip_grid import ClipRow

        spec = ctx.method.clip.scoring
        middle = len(spec.scored) // 2
        offset = spec.scored[middle]
        low, high = spec.range
        rows = []
        with ctx.scoring():
            for clips, places in ctx.sample(count):
                scores = ctx.method.score(clips)
                if scores.output is None and scores.maps is None:
                    raise RecipeError(
                        "hooks.visualise: the method has neither an output nor error maps to "
                        "show; remove the hook"
                    )
                for number, (video, first) in enumerate(places):
                    frame, output, error = clips.frames[number, :, offset], None, None
                    if scores.output is not None:
                        output = scores.output[number, middle].float().sub(low).div(high - low)
                    if scores.maps is not None:
                        error = scores.maps[number, middle].float().cpu().numpy()
                    rows.append(
                        ClipRow(
                            f"{video}\nframe {first + offset * spec.step}",
                            frame.sub(low).div(high - low).cpu().numpy(),
                            None if output is None else output.cpu().numpy(),
                            error,
                        )
                    )
        return rows
