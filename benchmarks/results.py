"""The tables of docs/results.md: by which commands each row was measured, and its figures.

    python benchmarks/results.py measure UCSDped2=FOLDER ShanghaiTech=FOLDER --rows 'ped2/*'
    python benchmarks/results.py add RUN [RUN ...] --row objects/vec-small
    python benchmarks/results.py write

docs/results.json has a record for each row: recipe, settings and seeds, or the commands of other
scripts; then what was measured: the figures, when, and with which commit. `measure` runs the
commands of the chosen rows. Names of data sets in commands, such as UCSDped2, stand for the folders
that are given. The same call continues after an interruption. `add` takes finished runs of a row,
one for each seed, and refuses those of another recipe. Both replace what the record says of the
measurement and write the page; `write` only does the latter. A new row is a new record.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from results_page import ROOT, Record, Records, load, save

import vadkit

RUNS = "runs/results"
DATA = ("UCSDped2", "ShanghaiTech", "fight_surv", "captions")
# Sections of a recipe that change nothing of a training.
AFTER = ("evaluators", "protocols", "calibration", "alarms", "search", "sinks", "keep", "zones")
# Values that differ between seeds and machines, or that training finds in the data.
FOUND = (".train.seed", ".dataset.root", ".clip.aspect", ".clip.fps", ".bags.dim", ".bags.classes")
KEPT = ("micro-auc", "macro-auc", "video-auc", "ap", "eer", "rbdc", "tbdc")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    does = parser.add_subparsers(dest="does", required=True)
    does.add_parser("write")
    measuring = does.add_parser("measure")
    measuring.add_argument("data", nargs="*", metavar="NAME=FOLDER", help=", ".join(DATA))
    measuring.add_argument("--rows", nargs="+", required=True, metavar="TABLE/ROW")
    measuring.add_argument("--new", action="store_true", help="not with this recipe and version")
    adding = does.add_parser("add")
    adding.add_argument("runs", nargs="+", type=Path)
    adding.add_argument("--row", required=True, metavar="TABLE/ROW")
    adding.add_argument("--threads", type=int, help="of the training, if known")
    given = parser.parse_args()
    records = load()
    if given.does == "measure":
        data = dict(one.split("=", 1) for one in given.data)
        for name, record in chosen(records, given.rows).items():
            if not given.new or is_new(record):
                print(name, flush=True)
                record |= measure(name, record, data)
                save(records)
    elif given.does == "add":
        record = next(iter(chosen(records, [given.row]).values()))
        record |= of_runs(record, check(record, given.runs), {}, given.threads)
    save(records)


def chosen(records: Records, patterns: list[str]) -> dict[str, Record]:
    """Return the records of rows such as ``ped2/*``."""
    every = {f"{table}/{row}": one for table, rows in records.items() for row, one in rows.items()}
    found: dict[str, Record] = {}
    for pattern in patterns:
        names = fnmatch.filter(every, pattern)
        if not names:
            raise SystemExit(f"no row {pattern}; known: {', '.join(every)}")
        # A row that repeats another one has no figures of its own.
        names = [every[name].get("same", name) for name in names]
        found |= {name: every[name] for name in names}
    return found


def commands(record: Record) -> list[str]:
    """Return the commands of a row; the last prints the figures of a run."""
    if "recipe" not in record:
        return record["commands"]
    settings = "".join(f" --set {shlex.quote(text)}" for text in record["set"])
    seeds = ",".join(str(seed) for seed in record["seeds"])
    train = f"vadkit train {record['recipe']}{settings} --seeds {seeds}"
    return [train, record.get("read", "vadkit eval RUN")]


def measure(name: str, record: Record, data: dict[str, str]) -> Record:
    """Run the commands of a row, and return what was measured."""
    threads = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1))
    if "recipe" in record:
        train, started, before = commands(record)[0], datetime.now(UTC), os.times()
        found = json.loads(run(f"{train} --runs {RUNS} --json", data))
        after = os.times()
        runs = [ROOT / one["run"] for one in found["seeds"]]
        measured = of_runs(record, runs, data, threads)
        if all(manifest(path)["created"] > started.isoformat() for path in runs):
            # Other programs on the machine do not change it as they change the time of day.
            seconds = sum(after[2:4]) - sum(before[2:4])
            measured["figures"]["processor seconds"] = {"mean": round(seconds / len(runs), 1)}
        return measured
    *first, last = record["commands"]
    if not last.startswith("vadkit eval"):
        raise SystemExit(f"{name}: another script prints this row: {last}")
    data = {**data, "OUT": f"{RUNS}/{name}"}
    for command in first:
        run(command, data)
    figures = figures_of([run(f"{last} --json", data)])
    when = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "vadkit": vadkit.__version__}
    when |= {"commit": commit(), "device": "cpu", "threads": threads}
    return {"measured": when, "figures": figures}


def run(command: str, data: dict[str, str]) -> str:
    """Run a command, with folders in place of the names of data; return what it prints."""
    words = shlex.split(command)
    for name in (*DATA, "RUN", "OUT"):
        place = re.compile(rf"(?<![\w/]){name}(?![\w-])")
        if name not in data and any(place.search(word) for word in words):
            raise SystemExit(f"needs {name}=FOLDER: {command}")
        words = [place.sub(lambda _, name=name: data[name], word) for word in words]
    program = {"vadkit": [sys.executable, "-m", "vadkit"], "python": [sys.executable]}
    done = subprocess.run(
        [*program[words[0]], *words[1:]], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"exit code {done.returncode}: {shlex.join(words)}")
    return done.stdout


def check(record: Record, runs: list[Path]) -> list[Path]:
    """Return the runs; a run of another recipe is an error. Folders of data may differ."""
    from vadkit.workflows.run import load_run

    if "recipe" not in record:
        raise SystemExit(f"this row has no recipe; its commands: {'; '.join(record['commands'])}")
    wanted = dict(leaves(recipe_of(record)))
    for path in runs:
        found = dict(leaves(load_run(path).as_data()))
        differ = sorted(key for key in wanted | found if wanted.get(key) != found.get(key))
        if differ:
            values = "; ".join(f"{k}: {found.get(k)} instead of {wanted.get(k)}" for k in differ)
            raise SystemExit(f"{path} is a run of another recipe: {values}")
    return [path.absolute() for path in runs]


def recipe_of(record: Record) -> dict[str, Any]:
    from vadkit.recipe import find_recipe, load_recipe

    return load_recipe(find_recipe(record["recipe"]), record["set"]).as_data()


def leaves(value: Any, key: str = "") -> list[tuple[str, Any]]:
    """Return the values of a recipe that decide a training, by dotted keys."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for part, one in items for leaf in leaves(one, f"{key}.{part}")]
    if key in FOUND or key.split(".")[1] in AFTER:
        return []
    return [(key, Path(value).name if isinstance(value, str) else value)]


def digest(record: Record) -> str:
    text = json.dumps(sorted(leaves(recipe_of(record)), key=str))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def is_new(record: Record) -> bool:
    """Return whether a row was not measured with this version and its recipe as it is now."""
    measured = record.get("measured", {})
    if measured.get("vadkit") != vadkit.__version__:
        return True
    return "recipe" in record and measured.get("digest") != digest(record)


def of_runs(record: Record, runs: list[Path], data: dict[str, str], threads: int | None) -> Record:
    """Return what was measured of the runs of a row, one for each seed."""
    manifests = [manifest(path) for path in runs]
    read = commands(record)[-1]
    figures = figures_of([run(f"{read} --json", {**data, "RUN": str(path)}) for path in runs])
    for name, key in (("training seconds", "training_seconds"), ("seconds", "seconds")):
        figures[name] = {"values": [one[key] for one in manifests]}
    last = max(manifests, key=lambda one: one["finished"])
    git = last["git"]
    if git and commit() == git.removesuffix("-dirty"):
        # Only other files than those of vadkit are changed, such as the records.
        git = commit()
    when = {"date": last["finished"][:10], "vadkit": last["versions"]["vadkit"], "commit": git}
    when |= {"device": last["device"], "threads": threads, "digest": digest(record)}
    seeds = [one["seed"] for one in manifests]
    measured = {"seeds": seeds, "measured": when, "figures": figures}
    return measured | {"commands": commands(record | measured)}


def manifest(run: Path) -> dict[str, Any]:
    return json.loads((run / "manifest.json").read_text("utf-8"))


def figures_of(printed: list[str]) -> dict[str, Record]:
    """Return the metrics that `--json` printed of each run, by protocol and name."""
    figures: dict[str, Record] = {}
    for place, text in enumerate(printed):
        for metric in json.loads(text)["metrics"]:
            name, value = metric["name"], metric["value"]
            if name not in KEPT or value is None:
                continue
            # Maps and detections have one figure; later ones are of maps that were smoothed.
            key = name if name in ("rbdc", "tbdc") else f"{metric['protocol_name']} {name}"
            one = figures.setdefault(key, {"values": [None] * len(printed)})
            if one["values"][place] is None:
                one["values"][place] = round(value, 6)
                if len(printed) == 1 and metric.get("interval"):
                    one["interval"] = [round(bound, 4) for bound in metric["interval"]]
    return figures


def commit() -> str | None:
    """Return the commit of the code, with ``-dirty`` if package or recipes are changed."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True)
    code = [*git, "status", "--porcelain", "--", "vadkit", "recipes"]
    changed = subprocess.run(code, capture_output=True, text=True).stdout
    return f"{head.stdout.strip()}{'-dirty' if changed else ''}" if head.returncode == 0 else None


if __name__ == "__main__":
    main()
