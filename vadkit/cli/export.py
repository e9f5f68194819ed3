"""The command ``export``: write a trained method to one file."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from vadkit.cli.commands import Json, Run, RunPlugin, TrustPlugins, allow_plugins, say_unfinished


class Format(StrEnum):
    """The values of `--format`."""

    onnx = "onnx"
    torch_export = "torch-export"


def export(
    run: Run,
    format: Annotated[
        Format, typer.Option(help="onnx for ONNX Runtime, torch-export for PyTorch.")
    ] = Format.onnx,
    out: Annotated[
        Path | None, typer.Option(help="The file to write. Default: RUN/export/NAME.onnx or .pt2.")
    ] = None,
    checkpoint: Annotated[str, typer.Option(help="The checkpoint to export.")] = "last",
    plugin: RunPlugin = None,
    trust_plugins: TrustPlugins = False,
    as_json: Json = False,
) -> None:
    """Export a run's scoring to one file, check it against PyTorch, and print its path."""
    from vadkit.workflows.export import export as workflow
    from vadkit.workflows.run_status import run_status

    if trust_plugins:
        allow_plugins([run])
    say_unfinished([run])
    done = workflow(run, format=format.value, out=out, checkpoint=checkpoint)
    if as_json:
        data: dict[str, Any] = {"path": str(done.path), "format": done.format, "bytes": done.bytes}
        data |= {"difference": done.difference, **run_status(run).as_data()}
        typer.echo(json.dumps(data))
        return
    typer.echo(
        f"scores agree with PyTorch within {done.difference:.2g}; {done.bytes / 2**20:.1f} MiB",
        err=True,
    )
    typer.echo(str(done.path))
