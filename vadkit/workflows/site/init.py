"""Write the file of a site, with comments that explain it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vadkit.errors import RecipeError
from vadkit.files import write_text
from vadkit.recipe.source import to_yaml
from vadkit.text import printable
from vadkit.workflows.site.file import load_site

_TEXT = """\
# Cameras that `vadkit watch {file}` watches. It follows changes of this file.
# docs/sites.md explains every key.

# Addresses and passwords as NAME=value, one a line; only you should be able to read it (chmod 600).
# secrets: secrets.env

# Events are kept here, with pictures and clips, for so many days and up to so many GiB.
out: events
keep: {{days: 30, gib: 20}}
sinks: [{{type: snapshots}}]

cameras:
{cameras}"""

_CAMERA = """\
  {name}:
    source: {source}
    run: {run}
    # Another model at night, rules of alarms, and places that do not count:
    # schedule: [{{hours: "20:00-06:00", run: runs/night/...}}]
    # alarms: {{min_duration_s: 0.5, cooldown_s: 60}}
    # zones: [{{name: tree, polygon: [[0, 0], [0.2, 0], [0.2, 0.5]]}}]
"""


def write_site(path: Path, cameras: Sequence[str], run: Path | None) -> Path:
    """Write the file of a site with these cameras, each ``NAME=ADDRESS``, and return its path.

    Raises ``RecipeError`` for an existing file and for a camera without a name.
    """
    if path.suffix not in (".yaml", ".yml"):
        path = path.with_name(f"{path.name}.yaml")
    if path.exists():
        raise RecipeError(f"{printable(str(path))} exists already; give another name")
    named = [text.partition("=") for text in cameras or ("gate=${GATE_ADDRESS}",)]
    for name, mark, address in named:
        if not (name and mark and address):
            raise RecipeError(f"--camera {printable(name)}: give NAME=ADDRESS")
    where = str(run.absolute()) if run is not None else "runs/NAME/RUN"
    shown = [
        _CAMERA.format(name=_scalar(name), source=_scalar(address), run=_scalar(where))
        for name, _, address in named
    ]
    write_text(path, _TEXT.format(file=path.name, cameras="".join(shown)))
    try:
        load_site(path)
    except RecipeError:
        path.unlink()
        raise
    return path


def _scalar(text: str) -> str:
    """Return a text as YAML on one line."""
    return to_yaml([text], default_flow_style=True).strip()[1:-1]
