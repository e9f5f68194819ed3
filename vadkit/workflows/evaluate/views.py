"""Show an evaluation as short text, as an HTML table or as a pandas DataFrame."""

from __future__ import annotations

import difflib
import html
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from typing import Protocol as Structure

from vadkit.errors import RecipeError
from vadkit.text import printable

if TYPE_CHECKING:
    from vadkit.evaluation.metrics import Metric
    from vadkit.evaluation.protocol import Protocol

# The columns of a table: a metric that no protocol has gets no column.
_SHOWN = ("micro-auc", "macro-auc", "padded-macro-auc", "ap", "eer")
_COLUMNS = (
    "protocol",
    "metric",
    "value",
    "low",
    "high",
    "measure",
    "category",
    "rate",
    "strength",
)


class Row(Structure):
    """What a row of a table shows: a protocol and its metrics."""

    @property
    def protocol(self) -> Protocol: ...

    @property
    def metrics(self) -> list[Metric]: ...


def as_text(heading: str, results: Sequence[Row], extra: Sequence[Metric] = ()) -> str:
    """Return a heading and a small table: one line per protocol, and one for other metrics."""
    columns = _columns(results)
    rows = [["", *columns]]
    for one in results:
        found = {metric.name: metric for metric in one.metrics}
        rows.append([printable(one.protocol.name), *(_number(found.get(c)) for c in columns)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [printable(heading)]
    for name, *cells in rows if results else []:
        padded = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        lines.append("  ".join([name.ljust(widths[0]), *padded]).rstrip())
    if extra:
        lines.append(", ".join(f"{printable(one.name)} {_number(one)}" for one in extra[:6]))
        if len(extra) > 6:
            lines[-1] += f" and {len(extra) - 6} more"
    return "\n".join(lines)


def as_html(
    heading: str, results: Sequence[Row], extra: Sequence[Metric] = (), notes: Sequence[str] = ()
) -> str:
    """Return an HTML table for notebooks; all text is escaped."""
    columns = _columns(results)
    rows = [f"<tr><th>protocol</th>{''.join(f'<th>{html.escape(c)}</th>' for c in columns)}</tr>"]
    for one in results:
        found = {metric.name: metric for metric in one.metrics}
        cells = (f"<td>{_with_interval(found.get(column))}</td>" for column in columns)
        title = html.escape(printable(one.protocol.words), quote=True)
        name = html.escape(printable(one.protocol.name))
        rows.append(f'<tr title="{title}"><th>{name}</th>{"".join(cells)}</tr>')
    more = [f"{html.escape(printable(one.name))} {_with_interval(one)}" for one in extra]
    below = [*more, *(html.escape(printable(note)) for note in notes)]
    table = f"<table>{''.join(rows)}</table>" if results else ""
    return f"<p>{html.escape(printable(heading))}</p>{table}" + "".join(
        f"<p>{line}</p>" for line in below
    )


def as_frame(metrics: Iterable[Metric]) -> Any:
    """Return a pandas DataFrame with one row per metric.

    Raises ``RecipeError`` if pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise RecipeError(
            "frame() needs pandas; install it with: pip install pandas. Without pandas, "
            "use as_data()"
        ) from None
    rows = [
        (
            one.protocol.name,
            one.name,
            one.value,
            *(one.interval or (math.nan, math.nan)),
            one.measure,
            one.category,
            one.rate,
            one.strength,
        )
        for one in metrics
    ]
    return pandas.DataFrame(rows, columns=list(_COLUMNS))


def missing_key(name: object, known: Iterable[str], what: str, place: str = "") -> KeyError:
    """Return the error for an unknown ``what`` in a ``place``; it lists the nearest names."""
    names = list(dict.fromkeys(known))
    near = difflib.get_close_matches(str(name)[:100], names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known: {', '.join(names)}"
    return KeyError(f"no {what} {printable(repr(name), 100)}{place}; {hint}")


def _columns(results: Sequence[Row]) -> list[str]:
    """Return the metrics to show; the padded AUC only if it is the main one of a protocol."""
    found = {metric.name for one in results for metric in one.metrics}
    main = {one.protocol.headline for one in results}
    return [
        name for name in _SHOWN if name in found and (name in main or not name.startswith("padded"))
    ]


def _number(metric: Metric | None) -> str:
    if metric is None:
        return ""
    return "undefined" if math.isnan(metric.value) else f"{metric.value:.4f}"


def _with_interval(metric: Metric | None) -> str:
    if metric is None or metric.interval is None:
        return _number(metric)
    low, high = metric.interval
    return f"{_number(metric)} <small>[{low:.3f}, {high:.3f}]</small>"
