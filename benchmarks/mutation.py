"""The mutation score of the tests: the share of small changes to the code that a test notices.

    python benchmarks/mutation.py --sample 700 --seed 1 --out survivors.txt

Needs mutmut (pip install mutmut), which changes one expression of one function at a time and runs
the tests that call this function. A run of all mutants takes hours, so the mutants are sampled, for
each package in proportion to its number of mutants. Everything happens in a copy of the repository
in ``--work``; a second call with the same folder continues. The score of a package is the share of
its sampled mutants that make a test fail or time out; the total weighs packages by their mutants.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import functools
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "registry": ["vadkit/registry.py"],
    "recipe": ["vadkit/recipe/*.py"],
    "data.clips": ["vadkit/data/clips/*.py"],
    "data.store": ["vadkit/data/store/*.py"],
    "scoring": ["vadkit/scoring/*.py"],
    "evaluation": ["vadkit/evaluation/*.py"],
    "inference.alarms": ["vadkit/inference/alarms.py"],
}
# The tests that may notice a mutant; mutmut runs those that call the changed function.
TESTS = [
    "tests/test_registry.py", "tests/recipe", "tests/data/clips", "tests/data/store",
    "tests/data/test_frame_scores.py", "tests/scoring", "tests/evaluation",
    "tests/inference/test_alarms.py", "tests/inference/test_source_output.py",
    "tests/security/test_recipes.py", "tests/security/test_plugins.py",
    "tests/cli/test_broken_recipes.py", "tests/cli/test_recipes.py",
    "tests/cli/test_components.py", "tests/workflows/test_frames.py", "tests/e2e/test_plugin.py",
]  # fmt: skip
COPIED = ["recipes", "docs", "benchmarks", "examples", "README.md", "CHANGELOG.md"]
# Exit codes of pytest and mutmut for a mutant that no test noticed, and for one that none ran.
SURVIVED, UNTESTED = 0, (5, 33)


def prepare(work: Path) -> None:
    """Copy the committed repository, configure mutmut there, and make all mutants."""
    if (work / "mutants").is_dir():
        return
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(work)], check=True)
    settings = {
        "source_paths": ["vadkit"],
        "only_mutate": [path for paths in PACKAGES.values() for path in paths],
        "also_copy": [*COPIED, "CONTRIBUTING.md"],
        "pytest_add_cli_args": ["-m", "not slow and not real_data", "-p", "no:cacheprovider"],
        "pytest_add_cli_args_test_selection": TESTS,
        "timeout_multiplier": 4.0,
        "timeout_constant": 5.0,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    lines += ["track_dependencies = false", "use_git_change_detection = false"]
    with (work / "pyproject.toml").open("a") as file:
        file.write("\n[tool.mutmut]\n" + "\n".join(lines) + "\n")
    # mutmut makes every mutant before it runs the few of this pattern.
    run_mutants(work, ["vadkit.registry.x_did_you_mean*"])


def run_mutants(work: Path, names: list[str]) -> None:
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1", *names]
    subprocess.run(command, cwd=work, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def results(work: Path) -> dict[str, dict[str, int | None]]:
    """Return the exit code of every mutant by package; None if it was not run."""
    found: dict[str, dict[str, int | None]] = {package: {} for package in PACKAGES}
    for file in (work / "mutants" / "vadkit").rglob("*.meta"):
        module = ".".join(file.relative_to(work / "mutants" / "vadkit").parts).removesuffix(
            ".py.meta"
        )
        for package in PACKAGES:
            if module == package or module.startswith(package + "."):
                found[package] |= json.loads(file.read_text())["exit_code_by_key"]
    return found


def draw(found: dict[str, dict[str, int | None]], count: int, seed: int) -> list[str]:
    """Return about ``count`` names of mutants, at least 30 of each package."""
    total = sum(map(len, found.values()))
    chosen: list[str] = []
    for package, mutants in found.items():
        wanted = min(len(mutants), max(30, round(count * len(mutants) / total)))
        chosen += random.Random(f"{seed} {package}").sample(sorted(mutants), wanted)
    return chosen


def table(found: dict[str, dict[str, int | None]], chosen: list[str]) -> Iterator[str]:
    """Yield a line for each package, and one for all, weighted by the number of mutants."""
    yield f"{'package':18} {'mutants':>8} {'sampled':>8} {'noticed':>8} {'score':>7}"
    score = variance = 0.0
    total = sum(map(len, found.values()))
    for package, mutants in found.items():
        codes = [mutants[name] for name in chosen if mutants.get(name) is not None]
        noticed = sum(code not in (SURVIVED, *UNTESTED) for code in codes)
        share = noticed / max(len(codes), 1)
        yield f"{package:18} {len(mutants):8,} {len(codes):8,} {noticed:8,} {share:7.1%}"
        weight = len(mutants) / total
        score += weight * share
        variance += weight**2 * share * (1 - share) / max(len(codes), 1)
    half = 1.96 * math.sqrt(variance)
    yield f"all, by mutants: {score:.1%}, 95% interval {score - half:.1%} to {score + half:.1%}"


def survivors(
    work: Path, found: dict[str, dict[str, int | None]], chosen: list[str]
) -> Iterator[str]:
    """Yield each sampled mutant that no test noticed, as a diff."""
    codes = {name: code for mutants in found.values() for name, code in mutants.items()}
    for name in sorted(chosen):
        if codes.get(name) in (SURVIVED, *UNTESTED):
            module, _, function = name.rpartition(".")
            path = work / "mutants" / (module.replace(".", "/") + ".py")
            if not path.is_file():
                path = path.with_suffix("") / "__init__.py"
            functions = _functions(path)
            original = functions[function.rsplit("__mutmut_", 1)[0] + "__mutmut_orig"]
            yield f"\n{name}" + ", called by no test" * (codes[name] in UNTESTED)
            for line in difflib.unified_diff(original, functions[function], n=0, lineterm=""):
                if not line.startswith(("---", "+++", "@@")) and "__mutmut_" not in line:
                    yield f"{line[0]} {line[1:].strip()}"


@functools.cache
def _functions(path: Path) -> dict[str, list[str]]:
    source = path.read_text()
    lines = source.splitlines()
    return {
        node.name: lines[node.lineno - 1 : node.end_lineno]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and "__mutmut_" in node.name
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=700, help="mutants to run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "vadkit-mutants")
    parser.add_argument("--out", type=Path, help="a file for the mutants that no test noticed")
    options = parser.parse_args()
    prepare(options.work)
    chosen = draw(results(options.work), options.sample, options.seed)
    run_mutants(options.work, chosen)
    found = results(options.work)
    print("\n".join(table(found, chosen)))
    if options.out:
        options.out.write_text("\n".join(survivors(options.work, found, chosen)).lstrip() + "\n")


if __name__ == "__main__":
    main()
