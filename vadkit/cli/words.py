"""The commands ``words``: score captions by sentences, and make captions with a program."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli.commands import Json
from vadkit.errors import RecipeError
from vadkit.text import printable

app = typer.Typer(
    help="Score captions by sentences that say what is normal and what is not.",
    no_args_is_help=True,
)
Features = Annotated[
    Path | None,
    typer.Option(
        help="Instead of captions: a .npz with features (frames, F) of each video, such as CLIP's."
    ),
]


@app.command("score")
def score(
    prompts: Annotated[
        Path, typer.Argument(help="A YAML file with normal and abnormal sentences, or words.")
    ],
    out: Annotated[Path, typer.Option(help="The folder for scores.npz and alarms.json.")],
    captions: Annotated[
        list[Path] | None,
        typer.Argument(help="Captions: .json of all videos, or .txt with a line for each frame."),
    ] = None,
    rule: Annotated[
        bool, typer.Option("--rule", help="Count the words of the prompts, without sentences.")
    ] = False,
    features: Features = None,
    texts: Annotated[
        Path | None,
        typer.Option(help="With --features: embeddings of the sentences, .npz or .npy."),
    ] = None,
    strip: Annotated[
        str, typer.Option(metavar="TEXT", help="What to remove from the start of videos' names.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Score every frame, without training; then `vadkit eval --scores OUT/scores.npz`."""
    from vadkit.data.captions import read_captions
    from vadkit.workflows.outside.words import read_prompts, score_captions, write_words

    if bool(captions) == (features is not None):
        raise RecipeError("give either files of captions, or --features with --texts")
    if strip and features is not None:
        raise RecipeError(
            "--strip changes the names of captions; it cannot be used with --features"
        )
    read = _stripped(read_captions(captions or []), strip)
    scores, alarms = score_captions(
        read_prompts(prompts), read, rule=rule, texts=texts, features=features
    )
    path = write_words(out, scores, alarms)
    if as_json:
        typer.echo(json.dumps([vars(alarm) for alarm in alarms], indent=2))
        return
    for alarm in sorted(alarms, key=lambda one: -one.score)[:10]:
        place = f"{printable(alarm.video, 100)} {alarm.start}-{alarm.stop - 1}"
        typer.echo(f"{place}: {printable(alarm.reason, 200)} ({alarm.score:.3f})")
    typer.echo(f"{len(alarms)} stretches with a reason, in {out / 'alarms.json'}", err=True)
    typer.echo(path)


def _stripped(captions: Mapping[str, Sequence[str]], text: str) -> dict[str, Sequence[str]]:
    """Remove a text from the start of the videos' names; ``RecipeError`` if two become equal."""
    before: dict[str, str] = {}
    for name in captions:
        short = name.removeprefix(text)
        if (other := before.setdefault(short, name)) != name:
            raise RecipeError(
                f"--strip {printable(text, 100)}: videos '{printable(other, 200)}' and "
                f"'{printable(name, 200)}' would both be named '{printable(short, 200)}'"
            )
    return {short: captions[name] for short, name in before.items()}


@app.command("caption")
def caption(
    source: Annotated[
        Path, typer.Argument(help="A video, or a folder of videos or of image folders.")
    ],
    command: Annotated[
        list[str],
        typer.Argument(
            metavar="-- COMMAND...",
            help="A program that reads paths of images and prints a line for each.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The .json file to write.")],
    every: Annotated[int, typer.Option(metavar="N", help="Caption every N-th frame.")] = 1,
    timeout_s: Annotated[
        float, typer.Option(help="Seconds that the program may take for one video.")
    ] = 3600.0,
) -> None:
    """Caption video with your own program, such as a vision-language model."""
    from vadkit.data.datasets.folder import find_videos
    from vadkit.files import write_json
    from vadkit.workflows.outside.captioner import caption_video

    videos = find_videos(source) if source.is_dir() else [(source.stem, source)]
    found = {}
    for name, path in videos:
        lines = caption_video(path, command, every=every, timeout_s=timeout_s)
        found[name] = {"captions": lines}
        typer.echo(f"{printable(name, 200)}: {len(lines)} frames", err=True)
    write_json(out, found)
    typer.echo(out)
