"""The commands ``data cache``: build, list, verify and prune the frame store."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vadkit.cli.commands import Json, Plugin, Ray, Set
from vadkit.cli.table import open_console, print_table
from vadkit.text import counted, printable

if TYPE_CHECKING:
    from vadkit.data.store.cache import Entry

app = typer.Typer(
    help="The frame store: decoded videos that training and evaluation read.",
    no_args_is_help=True,
)


@app.command("build")
def build(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of a built-in recipe.")],
    overrides: Set = None,
    plugin: Plugin = None,
    ray: Ray = None,
    as_json: Json = False,
) -> None:
    """Decode every video of a recipe now; also compute flow and objects if the recipe uses them."""
    from vadkit.recipe import load_recipe
    from vadkit.workflows.data.cache import build_cache

    done = build_cache(load_recipe(recipe, overrides or (), plugin or ()), ray)
    if as_json:
        typer.echo(json.dumps(done, indent=2))
        return
    made = f", optical flow of {counted(done['flow'], 'video')}" if done["flow"] else ""
    made += f", {done['boxes']} boxes" if done["boxes"] else ""
    videos = counted(done["videos"], "video")
    typer.echo(f"{videos}, {done['frames']} frames{made} in {done['cache']}")
    for one in done["skipped"]:
        typer.echo(f"skipped {one['id']}: {one['reason']}")


@app.command("list")
def list_cache(as_json: Json = False) -> None:
    """List stored videos, the most recently used first; synthetic clips are one line."""
    from vadkit.data.store.build import size_text
    from vadkit.data.store.cache import PSEUDO, boxes_bytes, entries
    from vadkit.data.store.settings import cache_folder

    cache = cache_folder()
    found = entries(cache)
    if as_json:
        typer.echo(json.dumps([_as_data(entry) for entry in found], indent=2))
        return
    rows = []
    clips = [entry for entry in found if entry.source.startswith(PSEUDO)]
    if clips:
        frames, size = sum(entry.shape[0] for entry in clips), sum(entry.bytes for entry in clips)
        what = f"{len(clips)} clips made for {PSEUDO}"
        rows.append([what, f"{frames} in all", size_text(size), _ago(clips[0].used)])
    for entry in found:
        if entry.source.startswith(PSEUDO):
            continue
        frames, height, width, planes = entry.shape
        shape = f"{frames} x {height}x{width}x{planes}"
        rows.append([printable(entry.source), shape, size_text(entry.bytes), _ago(entry.used)])
    # Without a terminal, every row is one line of any length.
    console = open_console(one_line=True)
    if rows:
        print_table(console, ["video", "frames", "size", "last used"], rows)
    boxes = boxes_bytes(cache)
    console.print(
        f"{counted(len(found), 'video')}, {size_text(sum(entry.bytes for entry in found))}"
        f"{f', and {size_text(boxes)} of object boxes' if boxes else ''} in {cache}",
        markup=False,
        soft_wrap=True,
    )


@app.command("verify")
def verify(
    delete: Annotated[bool, typer.Option("--delete", help="Delete damaged entries.")] = False,
    as_json: Json = False,
) -> None:
    """Check every stored video against its length and checksum; exit code 3 if one is damaged."""
    from vadkit.data.store.cache import damage, entries, remove
    from vadkit.data.store.settings import cache_folder

    found = entries(cache_folder())
    bad = [(entry, what) for entry in found if (what := damage(entry)) is not None]
    if delete:
        for entry, _ in bad:
            remove(entry)
    if as_json:
        damaged = [{**_as_data(entry), "damage": what} for entry, what in bad]
        typer.echo(json.dumps({"videos": len(found), "damaged": damaged}, indent=2))
    else:
        for entry, what in bad:
            typer.echo(
                f"{printable(entry.source)}: {what} ({entry.folder}){'; deleted' if delete else ''}"
            )
        typer.echo(f"{counted(len(found), 'video')}, {len(bad)} damaged")
    if bad and not delete:
        raise typer.Exit(3)


@app.command("prune")
def prune(
    older_than: Annotated[
        float | None,
        typer.Option(min=0, metavar="DAYS", help="Delete entries that were not used for DAYS."),
    ] = None,
    keep: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="GIB", help="Delete the least recently used until GIB are left."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Delete every stored video.")] = False,
    as_json: Json = False,
) -> None:
    """Free disk space. Deleted videos are decoded again when they are needed.

    --all also deletes object boxes, and --older-than those that were not used for so long.
    """
    from vadkit.data.store.build import size_text
    from vadkit.data.store.cache import entries, remove, remove_boxes, remove_leftovers, to_prune
    from vadkit.data.store.settings import cache_folder
    from vadkit.errors import RecipeError

    if not everything and older_than is None and keep is None:
        raise RecipeError("say what to delete: --older-than DAYS, --keep GIB, or --all")
    cache = cache_folder()
    limit = None if keep is None else int(keep * 2**30)
    found = entries(cache)
    chosen = found if everything else to_prune(found, older_than_days=older_than, keep_bytes=limit)
    for entry in chosen:
        remove(entry)
    freed = sum(entry.bytes for entry in chosen) + remove_leftovers(cache)
    if everything or older_than is not None:
        freed += remove_boxes(cache, 0.0 if everything else older_than or 0.0)
    if as_json:
        typer.echo(json.dumps({"deleted": len(chosen), "freed_bytes": freed}))
    else:
        typer.echo(
            f"deleted {len(chosen)} of {counted(len(found), 'video')}, "
            f"{size_text(freed)} freed in {cache}"
        )


def _as_data(entry: Entry) -> dict[str, object]:
    return {key: str(v) if isinstance(v, Path) else v for key, v in asdict(entry).items()}


def _ago(then: float) -> str:
    seconds = max(time.time() - then, 0)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit} ago"
    return "just now"
