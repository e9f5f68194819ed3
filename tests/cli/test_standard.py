"""What the caller did with standard input, output and error."""

import os
import subprocess
import sys

import pytest


def run(command, tail):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        f'"{sys.executable}" -m vadkit {command} {tail}',
        shell=True,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


@pytest.mark.parametrize("tail", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_behave_like_dev_null(tail):
    done = run("schema", tail)
    assert (done.returncode, done.stderr) == (0, "")
    assert run("validate no-such-recipe", tail).returncode == 2


def test_files_never_get_the_number_of_a_closed_stream(tmp_path):
    code = (
        "import sys; sys.argv = ['vadkit', '--version']; from vadkit.cli import standard;"
        "standard.prepare_streams(); file = open('data', 'wb'); open('number', 'w').write("
        "str(file.fileno()))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = f'"{sys.executable}" -c "{code}" <&- >&- 2>&-'
    subprocess.run(command, shell=True, cwd=tmp_path, env=environment, check=True)
    assert int((tmp_path / "number").read_text()) > 2


def test_messages_that_cannot_be_shown_change_nothing():
    assert run("validate no-such-recipe", "2>/dev/full").returncode == 2
    done = run("schema", "2>/dev/full")
    assert done.returncode == 0 and done.stdout.startswith("{")


def test_output_that_cannot_be_written_is_one_line():
    done = run("schema", ">/dev/full")
    assert done.returncode == 4
    assert done.stderr.splitlines() == [
        "error: output: the disk is full; make room there, or write to another disk"
    ]


def test_a_closed_pipe_prints_no_message():
    done = run("schema", "| true")
    assert done.stderr == ""
