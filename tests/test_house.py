"""The size of the code: short functions, and packages of one job each."""

import ast
from pathlib import Path

import vadkit

PACKAGE = Path(vadkit.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))


def test_no_function_has_more_than_60_lines():
    long = {
        f"{path.relative_to(PACKAGE)}: {node.name}": lines
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := node.end_lineno - node.lineno + 1) > 60
    }
    assert not long


def test_no_package_of_workflows_has_more_than_1500_lines():
    packages = [path for path in (PACKAGE / "workflows").iterdir() if path.is_dir()]
    sizes = {
        package.name: sum(len(file.read_text().splitlines()) for file in package.glob("*.py"))
        for package in packages
    }
    assert max(sizes.values()) <= 1500, sizes
