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
from vadkit.cli.table import open_console, wrap_paragraphs

if TYPE_CHECKING:
    from vadkit.signatures import ComponentInfo

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
            for row_family, count, summary in rows:
                typer.echo(f"{row_family:<12} {count:>3}  {summary}")
    elif name is None:
        infos = [describe(component) for _, component in sorted(components(family).items())]
        if as_json:
            _print_json([_as_data(info) for info in infos])
        else:
            width = max((len(info.name) for info in infos), default=0)
            for info in infos:
                origin = "" if info.origin == "vadkit" else f"  [{info.origin}]"
                typer.echo(f"{info.name:<{width}}  {info.summary}{origin}")
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
    rows = [
        (p.name, p.type, "required" if p.default is None else f"= {p.default}", p.bounds)
        for p in info.parameters
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    typer.echo("Parameters:")
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        typer.echo("  " + "  ".join(cells).rstrip())


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
            typer.echo(textwrap.fill(line, width, subsequent_indent=" " * 26))
    typer.echo("")


def _as_data(info: ComponentInfo) -> dict[str, Any]:
    return asdict(info)


def _print_json(data: Any) -> None:
    typer.echo(json.dumps(data, indent=2))
