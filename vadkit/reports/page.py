"""The page of a report: one HTML file that needs no server and no network."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from vadkit.errors import RecipeError
from vadkit.files import write_text


def check_page_libraries() -> None:
    """Raise ``RecipeError`` if the libraries for the page are not installed."""
    try:
        import jinja2  # noqa: F401
        import plotly.offline  # noqa: F401
    except ImportError as error:
        raise RecipeError(
            f"vadkit report needs {error.name}: pip install 'vadkit[report]'"
        ) from None


def write_page(path: Path, title: str, data: dict[str, Any], media: dict[str, str]) -> int:
    """Write the page to ``path`` and return its size in bytes.

    ``data`` is drawn by ``report.js``; ``media`` are videos by name, in base64.
    """
    from jinja2 import Environment
    from plotly.offline import get_plotlyjs

    folder = files("vadkit.reports").joinpath("html")
    parts = {name: folder.joinpath(name).read_text("utf-8") for name in PARTS}
    # "</" would end the script element; JSON allows the escaped form.
    text = json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    template = Environment(autoescape=True, trim_blocks=True).from_string(parts["report.html"])
    page = template.render(
        title=title,
        style=parts["report.css"],
        library=get_plotlyjs(),
        scripts=[parts[name] for name in PARTS if name.endswith(".js")],
        data=text,
        media=media,
    )
    write_text(path, page)
    return path.stat().st_size


# Scripts in the order of their dependencies.
PARTS = ("report.html", "report.css", "charts.js", "timeline.js", "report.js")
