"""Does the choice by pseudo-anomalies agree with the choice by test labels?

    python benchmarks/label_free_choice.py recipes/ped2/motion-field.yaml \
        --set dataset.root=UCSDped2 [--work FOLDER] [--rows 0 1 2] [--redo]

Every configuration is trained once, on the training videos that are not held out, and tested twice:
without labels on pseudo-anomalies made from the held-out videos, and on the test split. The test
labels are used only for this comparison. At the end, it prints as JSON and as a Markdown table how
well the two rankings agree (Spearman's rho), and the test figures of the label-free choice. Results
are saved in FOLDER/results.jsonl; existing rows are not run again without --redo.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from scipy.stats import spearmanr

from vadkit.evaluation.frame_auc import FrameAuc
from vadkit.recipe import load_recipe
from vadkit.workflows.trainer import evaluation_on_test
from vadkit.workflows.tune.search import Tuner

# Good and bad ones.
ROWS: list[list[str]] = [
    [],
    ["method.memory=0"],
    ["method.memory=0.4"],
    ["method.memory=0.85"],
    ["method.memory=0.95"],
    ["method.prior=1"],
    ["method.prior=50"],
    ["method.prior=1e9"],
    ["method.prior=1e9", "method.memory=0"],
    ["method.smooth=0.5"],
    ["method.smooth=1.5"],
    ["method.smooth=6"],
    ["method.perspective=false"],
    ["method.direction=false"],
    ["method.perspective=false", "method.direction=false"],
    ["method.perspective=false", "method.direction=false", "method.memory=0.3"],
    ["method.perspective=false", "method.person=12"],
    ["method.perspective=false", "method.person=20"],
    ["method.perspective=false", "method.person=60"],
    ["method.perspective=false", "method.person=120"],
    ["method.lost_frames=false"],
    ["method.stillness=true"],
    ["method.light=true"],
    ["flow.preset=ultrafast"],
    ["flow.upscale=1"],
    ["flow.upscale=1", "method.memory=0"],
]
TRUE = ("micro-auc", "macro-auc")
CHOSEN_BY = "pseudo-auc"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--work", type=Path, default=Path("runs/label-free-choice"))
    parser.add_argument("--rows", type=int, nargs="*", help="only these rows, from 0")
    parser.add_argument("--redo", action="store_true", help="run rows again that are there")
    options = parser.parse_args()
    file = options.work / "results.jsonl"
    options.work.mkdir(parents=True, exist_ok=True)
    chosen = options.rows if options.rows is not None else range(len(ROWS))
    results = {} if options.redo else read(file)
    for row in (ROWS[number] for number in chosen):
        key = " ".join(row)
        if key not in results:
            results[key] = measure(options.recipe, [*options.settings, *row])
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({"settings": key, **results[key]}) + "\n")
            figures = results[key]["pseudo"][CHOSEN_BY], *results[key]["test"].values()
            print(key or "as shipped", *(f"{value:.4f}" for value in figures), flush=True)
    wanted = [" ".join(ROWS[number]) for number in chosen]
    print(json.dumps(summary({key: results[key] for key in wanted}), indent=2))
    print(table({key: results[key] for key in wanted}))


def read(file: Path) -> dict[str, dict[str, Any]]:
    """Return the results so far, the newest of each row."""
    if not file.is_file():
        return {}
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return {line.pop("settings"): line for line in lines}


_tuners: dict[str, Tuner] = {}


def measure(recipe: str, settings: list[str]) -> dict[str, Any]:
    """Measure one configuration: figures on pseudo-anomalies and on the test split, and seconds."""
    one = load_recipe(recipe, ["hooks=[]", *settings])
    tuner = _tuners.setdefault(recipe, Tuner(one))
    begun = time.monotonic()
    method = tuner.fit(one)
    fitted = time.monotonic()
    pseudo = tuner.test(one, method)
    tested = time.monotonic()
    _, scores, labels = evaluation_on_test(one)(method)
    found = {metric.name: metric.value for metric in FrameAuc()(scores, labels)}
    return {
        "pseudo": pseudo,
        "test": {name: found[name] for name in TRUE},
        "fit_s": round(fitted - begun, 1),
        "pseudo_s": round(tested - fitted, 1),
    }


def summary(results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return rank correlations of every label-free figure, and the test figures of each choice."""
    rows = list(results.values())
    names = [name for name in rows[0]["pseudo"] if all(name in row["pseudo"] for row in rows)]
    names = [name for name in names if name.startswith("pseudo-auc")]
    best = max(results, key=lambda key: results[key]["pseudo"][CHOSEN_BY])
    return {
        "configurations": len(rows),
        "label_free_choice": {"settings": best, **results[best]["test"]},
        "as_shipped": results.get("", {}).get("test"),
        "best_on_test": {name: max(row["test"][name] for row in rows) for name in TRUE},
        "median_on_test": {
            name: sorted(row["test"][name] for row in rows)[len(rows) // 2] for name in TRUE
        },
        "spearman": {
            name: {
                true: round(
                    float(
                        spearmanr(
                            [row["pseudo"][name] for row in rows],
                            [row["test"][true] for row in rows],
                        ).statistic
                    ),
                    3,
                )
                for true in TRUE
            }
            for name in names
        },
    }


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return a Markdown row for each configuration, in the label-free order."""
    first = next(iter(results.values()))["pseudo"]
    kinds = [name for name in first if name.startswith("pseudo-auc[") and "@" not in name]
    heads = [
        "settings",
        "pseudo AUC",
        *(name.removeprefix("pseudo-auc[").removesuffix("]") for name in kinds),
        "test micro",
        "test macro",
    ]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for key in sorted(results, key=lambda key: -results[key]["pseudo"][CHOSEN_BY]):
        pseudo, test = results[key]["pseudo"], results[key]["test"]
        figures = [pseudo[CHOSEN_BY], *(pseudo.get(name, float("nan")) for name in kinds)]
        figures += [test[name] for name in TRUE]
        cells = [f"`{key}`" if key else "as shipped", *(f"{value:.4f}" for value in figures)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
