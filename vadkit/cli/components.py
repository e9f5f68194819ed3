"""The command ``list-components``: families, components and their parameters.

It does not import the components.
"""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vadkit.cli.commands import Json, Plugin
from vadkit.cli.table import open_console, print_table, wrap_paragraphs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vadkit.signatures import ComponentInfo, ParameterInfo

_FAMILY_SUMMARIES = {
    "methods": "what is learned and how a frame is scored",
    "networks": "torch modules that methods train",
    "losses": "what training minimises",
    "optimizers": "how parameters are updated",
    "schedulers": "learning-rate factors over epochs",
    "augments": "random changes to training clips",
    "datasets": "where videos and labels are",
    "labels": "formats of label files",
    "readers": "how frames are decoded",
    "flow": "optical flow between frames",
    "objects": "object boxes in frames",
    "features": "rows of numbers that describe regions of frames",
    "extractors": "features of segments of video, for learning from video labels",
    "densities": "how rare rows of numbers are",
    "pseudo": "ways to edit synthetic anomalies into normal video",
    "evaluators": "metrics from scores and labels",
    "protocols": "how scores become published numbers",
    "scorers": "smoothing and normalisation of scores",
    "hooks": "code that runs around the training loop",
    "sources": "video inputs of `vadkit infer` and `vadkit watch`",
    "sinks": "outputs of `vadkit infer` and `vadkit watch` for scores and events",
}


def list_components(
    family: Annotated[str | None, typer.Argument(help="A family, such as networks.")] = None,
    name: Annotated[str | None, typer.Argument(help="One component of the family.")] = None,
    plugin: Plugin = None,
    as_json: Json = False,
) -> None:
    """List component families, the components of a family, or the parameters of a component."""
    from vadkit.plugins import load_plugin
    from vadkit.registry import FAMILIES, components, find
    from vadkit.signatures import describe

    for path in plugin or []:
        load_plugin(path)
    if family is None:
        rows = [(name, len(components(name)), _FAMILY_SUMMARIES[name]) for name in FAMILIES]
        if as_json:
            _print_json([{"family": f, "components": n, "summary": s} for f, n, s in rows])
        else:
            print_table(
                open_console(),
                None,
                [[name, str(count), text] for name, count, text in rows],
                text=True,
            )
    elif name is None:
        infos = [describe(component) for _, component in sorted(components(family).items())]
        if as_json:
            _print_json([_as_data(info) for info in infos])
        else:
            print_table(
                open_console(), None, [[info.name, _summary(info)] for info in infos], text=True
            )
    else:
        info = describe(find(family, name))
        if as_json:
            _print_json(_as_data(info))
        else:
            _print_one(info)


def _print_one(info: ComponentInfo) -> None:
    origin = "" if info.origin == "vadkit" else f" [{info.origin}]"
    typer.echo(f"{info.family} {info.name}{origin}\n")
    width = open_console().width
    description = wrap_paragraphs(info.description, width) or "(no docstring)"
    typer.echo(f"{description}\n")
    if info.family == "protocols":
        _print_choices(info.name, width)
    if not info.parameters:
        typer.echo("No parameters.")
        return
    typer.echo("Parameters:")
    for line in _parameter_lines(info.parameters, width):
        typer.echo(line)


def _parameter_lines(parameters: Sequence[ParameterInfo], width: int) -> list[str]:
    """Return a table of parameters; one that is too wide has defaults and bounds below names."""
    rows = [
        (p.name, p.type, "required" if p.default is None else f"= {p.default}", p.bounds)
        for p in parameters
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    if 2 + sum(widths) + 2 * 3 <= width:
        cells = [[cell.ljust(w) for cell, w in zip(row, widths, strict=True)] for row in rows]
        return ["  " + "  ".join(row).rstrip() for row in cells]
    lines = []
    for name, kind, default, bounds in rows:
        lines += _wrapped(f"{name}: {kind}", width, "  ")
        lines += _wrapped(default + (f", {bounds}" if bounds else ""), width, "    ")
    return lines


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _summary(info: ComponentInfo) -> str:
    return info.summary + ("" if info.origin == "vadkit" else f"  [{info.origin}]")


def _print_choices(name: str, width: int) -> None:
    """Print what a protocol chooses; of ``custom``, these are the defaults."""
    from vadkit.registry import build

    protocol = build("protocols", name, {})
    foresight = "; ".join(protocol.foresight)
    rows = {
        "main metric": protocol.headline,
        "averaging": protocol.averaging,
        "smoothing": protocol.smoothing_words,
        "normalisation": protocol.normalisation_words,
        "frames without a score": protocol.unscored_words,
        "checkpoint": protocol.checkpoint,
        "online": f"no: {foresight}" if foresight else "yes: a live system can do the same",
        "note": protocol.note,
    }
    typer.echo("Choices:")
    for label, text in rows.items():
        if text:
            line = f"  {label:<22}  {text}"
            typer.echo(
                textwrap.fill(
                    line,
                    width,
                    subsequent_indent=" " * 26,
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )
    typer.echo("")


def _as_data(info: ComponentInfo) -> dict[str, Any]:
    return asdict(info)


def _print_json(data: Any) -> None:
    typer.echo(json.dumps(data, indent=2))
