"""The pages and the README: command lines that vadkit accepts, and output that it prints."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import typer.main

from vadkit import cli
from vadkit.workflows.init.project import _readme

ROOT = Path(__file__).parents[1]
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "datasets").rglob("README.md"),
    ROOT / "examples" / "README.md",
    ROOT / "runs" / "README.md",
]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A block with one command, and the block below it: what the command prints.
SHOWN = re.compile(r"^```\n(vadkit [^\n]*)\n```\n\n```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Output of these commands depends on nothing but the version.
FIXED = ("list-components", "recipes")
APP = typer.main.get_command(cli.app)


def block_commands(text: str) -> list[str]:
    """The vadkit command lines in the fenced blocks of a page; a backslash continues a line."""
    blocks = [block for language, block in BLOCK.findall(text) if language in ("", "sh", "bash")]
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ") for line in lines if re.match(r"(\$ )?vadkit ", line)]


def inline_commands(text: str) -> list[str]:
    """The command lines between backticks in the text; some leave arguments out."""
    found = re.findall(r"`(vadkit [^`]+)`", BLOCK.sub("", text))
    return [" ".join(line.split()) for line in found]


def page_commands(find) -> list[object]:
    return [
        pytest.param(line, id=f"{page.relative_to(ROOT)}: {line}")
        for page in PAGES
        if page.name != "CHANGELOG.md"
        for line in dict.fromkeys(find(page.read_text()))
    ]


def parsed(line: str):
    """The command of a line and the arguments after it, without the dots and brackets of a page."""
    line = re.sub(r"(?<=[A-Z])\.\.\.|(?<!--set) \.\.\.", "", line)
    words = shlex.split(re.sub(r"\[(--[^]]*)\]", r"\1", line), comments=True)[1:]
    words = [word for word in words if not re.fullmatch(r"\[[A-Z]+\]", word)]
    command = APP
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands, f"no command {words[0]!r} in: {line}"
        command = command.commands[words.pop(0)]
    return command, words


def check_options(line: str) -> None:
    command, words = parsed(line)
    command.make_parser(command.context_class(command)).parse_args(words)


@pytest.mark.parametrize("line", page_commands(block_commands))
def test_a_command_line_of_a_page_is_complete(line):
    check_options(line)
    command, words = parsed(line)
    command.make_context(command.name, words)


@pytest.mark.parametrize("line", page_commands(inline_commands))
def test_a_command_in_the_text_exists_with_its_options(line):
    check_options(line)


def test_the_commands_of_the_project_that_init_writes_are_complete():
    text = _readme("gate", Path("gate"), Path("normal"))
    lines = [*block_commands(text), *inline_commands(text)]
    assert len(lines) == 10
    for line in lines:
        command, words = parsed(line)
        command.make_context(command.name, words)


@pytest.mark.parametrize("line", ["vadkit trian quickstart", "vadkit train quickstart --epoch 3"])
def test_a_wrong_line_is_found(line):
    with pytest.raises(Exception, match=r"trian|No such option"):
        check_options(line)


@pytest.mark.parametrize(
    ("command", "output"),
    [
        pytest.param(*shown, id=f"{page.name}: {shown[0]}")
        for page in PAGES
        for shown in SHOWN.findall(page.read_text())
        if shown[0].split()[1] in FIXED
    ],
)
def test_a_page_shows_what_the_command_prints(vadkit, command, output):
    assert vadkit(*shlex.split(command)[1:]).out == output


def test_the_faults_of_the_recipe_page_are_printed(vadkit, tmp_path, monkeypatch):
    page = (ROOT / "docs" / "recipes.md").read_text()
    (shown,) = [block for _, block in BLOCK.findall(page) if block.startswith("recipe.yaml:")]
    monkeypatch.chdir(tmp_path)
    Path("recipe.yaml").write_text(
        "name: mine\ndataset: {type: synthetic}\nmethod: {type: future-frame}\nflow: null\n\n"
        "networks:\n  generator: {widht: 8}\n  discriminator: null\n\n"
        "train:\n  epochs: '3'\n"
    )
    code, out, err = vadkit("validate", "recipe.yaml")
    assert (code, out + err) == (2, shown)


@pytest.mark.slow
def test_the_message_of_the_security_page_is_printed(vadkit, evaluated_run, tmp_path):
    page = (ROOT / "docs" / "security.md").read_text()
    (shown,) = [block for _, block in BLOCK.findall(page) if block.startswith("error: RUN")]
    run = tmp_path / "RUN"
    shutil.copytree(evaluated_run, run)
    (run / "plugins").mkdir(exist_ok=True)
    (run / "plugins" / "my_parts.py").write_text("")
    recipe = (run / "recipe.yaml").read_text()
    (run / "recipe.yaml").write_text(
        recipe.replace("plugins: []", "plugins: [plugins/my_parts.py]")
    )
    code, out, err = vadkit("eval", run)
    message = re.sub(r"(?<=sha256 )\w+", "DIGEST", err.replace(f"{tmp_path}/", ""))
    assert (code, out) == (5, "")
    assert message == re.sub(r"(?<=sha256 )\w+\.\.\.", "DIGEST", shown)
