"""The tables of docs/results.md from the records in docs/results.json; see results.py."""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RECORDS, PAGE = ROOT / "docs" / "results.json", ROOT / "docs" / "results.md"
# The columns of each table. A name alone is a text of the record, or `seed` or `measured`.
TABLES = {
    "ped2": "method; recipe; raw = raw micro-auc; online = online micro-auc; "
    "paper's protocol = papers; macro = raw macro-auc; paper; measured",
    "objects": "method; seed; micro = raw micro-auc; macro = raw macro-auc; RBDC = rbdc; "
    "TBDC = tbdc; train = training seconds; all = seconds; measured = date",
    "memories": "items : sparsity; 1.5 times, step 100 = 1.5 times, step 100; step 200 = "
    "1.5 times, step 200; twice, step 100 = twice, step 100; step 200 = twice, step 200",
    "fused": "second run; alone = alone; highest level = highest; mean level = mean; "
    "alone, memory = alone, memory; highest, memory = highest, memory; mean, memory = mean, memory",
    "parts": "data; motion = motion micro-auc; places = places micro-auc; "
    "whole frame = whole frame micro-auc; fusion = fusion micro-auc; measured",
    "tracks": "method; recipe; raw = raw micro-auc; online = online micro-auc; "
    "macro = raw macro-auc; measured",
    "weak-shanghaitech": "method; recipe; raw, micro = raw micro-auc; macro = raw macro-auc; "
    "videos = raw video-auc; online = online micro-auc; measured",
    "weak-ped2": "method; raw, micro = raw micro-auc; macro = raw macro-auc; "
    "videos = raw video-auc; online = online micro-auc; measured",
    "fights": "method; raw, micro = raw micro-auc; videos = raw video-auc; measured",
    "synthetic": "method; recipe; raw = raw micro-auc; recipe's scorers = papers; "
    "macro = raw macro-auc; measured",
}
Record = dict[str, Any]
Records = dict[str, dict[str, Record]]


def load() -> Records:
    """Return the records by table and row."""
    return json.loads(RECORDS.read_text("utf-8"))


def save(records: Records) -> None:
    """Write the records, and the page with their tables."""
    RECORDS.write_text(as_text(records) + "\n", "utf-8")
    PAGE.write_text(rendered(PAGE.read_text("utf-8"), records), "utf-8")


def as_text(value: Any, depth: int = 0) -> str:
    """Return JSON with a line for each figure and each other value of a record."""
    if not isinstance(value, dict) or depth == 4:
        return json.dumps(value, ensure_ascii=False)
    lines = [f"{json.dumps(key)}: {as_text(one, depth + 1)}" for key, one in value.items()]
    indent = "\n" + " " * depth
    return "{" + ",".join(f"{indent} {line}" for line in lines) + indent + "}"


def rendered(page: str, records: Records) -> str:
    """Return the page with the tables of these records, each below its ``<!-- table: NAME -->``."""
    for table, columns in TABLES.items():
        place = re.compile(rf"(<!-- table: {table} -->\n\n)(?:\|.*\n)*")
        if len(place.findall(page)) != 1:
            raise SystemExit(f"{PAGE}: needs one <!-- table: {table} --> and an empty line")
        parts = [part.partition(" = ")[::2] for part in columns.split("; ")]
        rows = [[f" {header} " for header, _ in parts], ["---"] * len(parts)]
        for record in records[table].values():
            record = resolved(record, records)
            if not record["figures"]:
                continue
            seeds = len(record.get("seeds", [])) if ("seed", "") in parts else 1
            for one in range(seeds) if seeds > 1 else [None]:
                rows.append([f" {cell(record, *part, one)} " for part in parts])
        text = "".join(f"|{'|'.join(row)}|\n" for row in rows)
        page = place.sub(lambda found, text=text: found[1] + text, page)
    return page


def resolved(record: Record, records: Records) -> Record:
    """Return a record with the figures of the row that it repeats, if it repeats one."""
    table, _, row = record.get("same", "").partition("/")
    return {**records[table][row], **record} if table else record


def cell(record: Record, header: str, figure: str, place: int | None) -> str:
    """Return one cell of a row; ``place`` is that of the seed if a seed has its own row."""
    if header == "measured":
        return when_measured(record, timed=figure != "date")
    if header == "seed":
        return str(record["seeds"][place or 0]) if "seeds" in record else "-"
    if figure == "papers":
        named = record.get("papers", {}).items()
        shown = [f"{number(record, key, place)}, {name}" for key, name in named]
        return "; ".join(shown) or "-"
    return number(record, figure, place) if figure else record["cells"].get(header, "-")


def number(record: Record, key: str, place: int | None) -> str:
    """Return a figure: of one seed, or mean and sample standard deviation, with its interval."""
    found = record["figures"].get(key)
    if found is None:
        return "-"
    values = found.get("values", [])
    values = [one for one in (values if place is None else [values[place]]) if one is not None]
    if "mean" not in found and not values:
        return "-"
    mean = found["mean"] if "mean" in found else statistics.mean(values)
    if key.endswith("seconds"):
        return f"{mean:.0f}" if mean else "-"
    spread = statistics.stdev(values) if len(values) > 1 else found.get("deviation")
    text = short(mean) + ("" if spread is None else f" ± {short(spread)}")
    # Tables are wide enough with the intervals of the main figures.
    bounds = found.get("interval") if key.endswith("micro-auc") else None
    return text if bounds is None else f"{text} [{', '.join(short(one) for one in bounds)}]"


def short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def when_measured(record: Record, timed: bool) -> str:
    """Return when a row was measured, with which commit or earlier, where, and in what time."""
    measured = record["measured"]
    known = measured.get("commit")
    code = "(earlier)" if known is None else f"`{known[:7]}`{' changed' * ('-dirty' in known)}"
    parts = [f"{measured['date']} {code}"]
    if measured.get("device", "cpu") != "cpu":
        parts.append(measured["device"])
    if (measured.get("threads") or 1) > 1:
        parts.append(f"{measured['threads']} threads")
    if timed and "processor seconds" in record["figures"]:
        parts.append(f"{number(record, 'processor seconds', None)} s (processor)")
    elif timed and "seconds" in record["figures"]:
        parts.append(f"{number(record, 'seconds', None)} s")
    return ", ".join(parts)
