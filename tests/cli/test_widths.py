"""What commands print in a terminal of 60, 80 or 200 columns, and in a pipe."""

import io
import re
import shutil
from types import SimpleNamespace

import pytest
from rich.console import Console
from typer.testing import CliRunner

from vadkit import cli
from vadkit.cli import components, data, data_cache, infer
from vadkit.registry import FAMILIES, find
from vadkit.registry import components as known
from vadkit.signatures import describe

WORDS = re.compile(r"\S+")


@pytest.fixture(params=[60, 80, 200])
def terminal(request, monkeypatch):
    """A function that gives the lines of a command in a terminal of that width."""
    width = request.param

    def lines(module, *arguments):
        console = Console(file=io.StringIO(), width=width, highlight=False, force_terminal=True)
        console._color_system = None
        with monkeypatch.context() as patch:
            patch.setattr(module, "open_console", lambda **_: console)
            done = CliRunner().invoke(cli.app, [str(one) for one in arguments])
        assert done.exit_code == 0, done.output
        text = re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue())
        return (text + done.stdout).splitlines()

    return SimpleNamespace(width=width, lines=lines)


def words(text):
    return WORDS.findall(text)


def fits(lines, width):
    """A longer line is one name that no width could hold, and its indent."""
    long = [line for line in lines if len(line) > width]
    assert [line for line in long if max(map(len, words(line))) < width // 2] == []


@pytest.mark.parametrize("family", FAMILIES)
def test_lists_of_components(terminal, family):
    lines = terminal.lines(components, "list-components", family)
    assert max(map(len, lines)) <= terminal.width
    text = words(" ".join(lines))
    for name in known(family):
        assert name in text
        lines = terminal.lines(components, "list-components", family, name)
        fits(lines, terminal.width)
        info = describe(find(family, name))
        for parameter in info.parameters:
            flat = " ".join(words(" ".join(lines)))
            for value in (parameter.name, parameter.type, parameter.default, parameter.bounds):
                assert " ".join(words(value or "")) in flat


def test_a_list_of_families(terminal):
    lines = terminal.lines(components, "list-components")
    assert max(map(len, lines)) <= terminal.width
    assert {line.split()[0] for line in lines if not line.startswith(" ")} == set(FAMILIES)


NAME = "a-site-with-a-long-name/a-camera-with-a-long-name/a recording with a long name"


@pytest.fixture
def videos(evaluated_run, tmp_path):
    """A folder of videos with long names, and their names."""
    (source, *_) = sorted(evaluated_run.parents[2].rglob("*.mp4"))
    names = [f"{NAME} {number}" for number in range(3)]
    for name in names:
        path = tmp_path / "videos" / f"{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
    return tmp_path / "videos", names


def test_a_check_of_data(terminal, videos, vadkit):
    folder, names = videos
    lines = terminal.lines(data, "data", "check", folder, "--quick")
    for name in names:
        # In a narrow terminal, the name stands above the figures of each block of columns.
        places = [n for n, line in enumerate(lines) if line.startswith(f"train  {name}")]
        rows = [lines[n] if terminal.width == 200 else lines[n + 1] for n in places]
        figures = [word for row in rows for word in words(row.removeprefix(f"train  {name}"))]
        assert figures == ["40", "64x48", "25", "h264", "-", "-"]
        assert all(len(row) <= terminal.width for row in rows)
    # In a pipe, a video is one line.
    _, out, _ = vadkit("data", "check", folder, "--quick")
    rows = [line for line in out.splitlines() if line.startswith("train ")]
    assert len(rows) == 3 and all(NAME in row and row.split()[-6] == "40" for row in rows)


def test_a_list_of_the_cache(terminal, evaluated_run, vadkit):
    lines = terminal.lines(data_cache, "data", "cache", "list")
    _, piped, _ = vadkit("data", "cache", "list")
    rows = piped.splitlines()[1:-1]
    # Other tests may have stored folders of images.
    assert any(".mp4 " in row for row in rows)
    assert all(re.search(r"\S +\d+ x \d+x\d+x\d +[\d.]+ [KMG]iB +\S", row) for row in rows)
    text = " ".join(words(" ".join(lines)))
    for row in rows:
        assert all(" ".join(words(cell)) in text for cell in re.split(r"  +", row))
    fits(lines, terminal.width)


def test_a_table_of_scored_videos(monkeypatch):
    results = [
        SimpleNamespace(
            video=f"/{NAME} {n}.mp4", frames=123456, peak=1234.5678 - n, peak_s=7384.25,
            alarms=None if n else 1234, error=None, camera_changes={},
        )
        for n in range(9)
    ]  # fmt: skip
    for width in (60, 80, 200, 100_000):
        console = Console(file=io.StringIO(), width=width, highlight=False)
        monkeypatch.setattr(infer, "open_console", lambda shown=console, **_: shown)
        infer._print_results(results)
        lines = console.file.getvalue().splitlines()
        figures = [words(line)[:4] for line in lines if words(line)[-1:] and "2:03:04.2" in line]
        assert len(figures) == 9
        assert figures[0] == ["1235", "2:03:04.2", "1,234", "123,456"]
        assert all(f"{NAME} {n}.mp4" in " ".join(words(" ".join(lines))) for n in range(9))
        assert len(lines) == 10 or width < 200
