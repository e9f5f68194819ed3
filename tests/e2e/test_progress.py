"""What a long fit without gradients shows, in a terminal and in a pipe."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

RECIPE = """
name: quiet
dataset: {type: synthetic}
clip: {size: [60, 80]}
method: {type: motion-field}
hooks: [{type: progress, every_s: 0.2}, {type: checkpoint}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder


def command(folder, *arguments):
    cache = {"VADKIT_CACHE": str(folder / "cache"), "COLUMNS": "120", "TERM": "xterm"}
    return {
        "args": [sys.executable, "-m", "vadkit", *arguments],
        "cwd": folder,
        "env": {**os.environ, **cache},
    }


def in_terminal(call):
    """Run with a terminal as stderr; return what it shows, without control characters."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(**call, stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    shown = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(ours)
    out, _ = process.communicate()
    assert process.returncode == 0, shown
    return out, re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", shown).decode()


def test_a_terminal_shows_every_phase(folder):
    out, shown = in_terminal(command(folder, "train", "recipe.yaml"))
    for phase in (
        r"decoding, \d of 6 videos: \d+ of 720 frames",
        r"optical flow, \d of 6 videos: \d+ of 720 frames, [\d.,]+ frames/s",
        r"fitting, pass 1/2: [\d,]+ of 1,356 clips, [\d.,]+ clips/s",
        r"fitting, pass 2/2: [\d,]+ of 1,356 clips, [\d.,]+ clips/s",
        r"scoring normal video: \d+ of 256 clips",
        r"calibration, fold 1/\d, fitting, pass 2/2: [\d,]+ of [\d,]+ clips",
        r"calibration, fold 2/\d, scoring: [\d,]+ of [\d,]+ clips",
    ):
        assert re.search(phase, shown), phase
    assert "\n" not in out.strip()
    run = out.strip()
    _, shown = in_terminal(command(folder, "eval", run))
    assert re.search(r"scoring: \d+ of \d+ clips, [\d.,]+ clips/s", shown)


def test_a_pipe_gets_lines(folder):
    done = subprocess.run(
        **command(folder, "train", "recipe.yaml"), capture_output=True, text=True, check=True
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("fitting")]
    assert re.fullmatch(
        r"fitting, pass \d/2: [\d,]+ of 1,356 clips, [\d.,]+ clips/s, \d+ s left", lines[0]
    )
    assert lines[-1].startswith("fitting, pass 2/2: 1,356 of 1,356 clips")
    assert ", done in " in lines[-1]
    assert "\x1b" not in done.stderr
    assert "\n" not in done.stdout.strip()
