import errno
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.files import (
    append_line,
    check_writable,
    describe_os_error,
    partial_path,
    remove_leftovers,
    write_json,
    write_text,
    write_whole,
    write_whole_folder,
)


def _write_half(path):
    path.write_text("half")
    raise ZeroDivisionError


def test_a_file_appears_completely_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "deep" / "a.json"
    write_json(path, {"a": 1})
    assert json.loads(path.read_text()) == {"a": 1}
    assert os.listdir(path.parent) == ["a.json"]


def test_a_failure_keeps_the_old_file_and_leaves_nothing(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError), write_whole(path) as partial:
        _write_half(partial)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_an_error_of_the_system_names_the_final_file(tmp_path):
    with pytest.raises(OSError) as caught, write_whole(tmp_path / "a.txt") as partial:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(partial))
    assert describe_os_error(caught.value) == (
        f"{tmp_path}/a.txt: the disk is full; make room there, or write to another disk"
    )


def test_a_file_in_place_of_a_folder_is_reported(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(OSError) as caught:
        write_text(tmp_path / "runs" / "a.txt", "x")
    assert "a file is in the place of a folder" in describe_os_error(caught.value)


def test_a_folder_appears_completely_or_not_at_all(tmp_path):
    with pytest.raises(ZeroDivisionError), write_whole_folder(tmp_path / "one") as partial:
        _write_half(partial / "a")
    assert os.listdir(tmp_path) == []
    with write_whole_folder(tmp_path / "one") as partial:
        (partial / "a").write_text("whole")
    assert (tmp_path / "one" / "a").read_text() == "whole"
    with pytest.raises(FileExistsError), write_whole_folder(tmp_path / "one"):
        pass
    assert (tmp_path / "one" / "a").read_text() == "whole"


@given(torn=st.text(alphabet='ab{}"', max_size=9000))
def test_a_line_torn_by_a_kill_is_cut_off_before_the_next_one(tmp_path_factory, torn):
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    path.write_text("first\n" + torn)
    append_line(path, "second")
    assert path.read_text() == "first\nsecond\n"


def test_many_writers_of_one_file_lose_no_line(tmp_path):
    path = tmp_path / "a.jsonl"

    def write(number):
        for count in range(20):
            append_line(path, f"{number}-{count}" * 50)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = sorted(f"{n}-{c}" * 50 for n in range(4) for c in range(20))
    assert sorted(path.read_text().splitlines()) == expected


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_process_that_ended_without_being_asked_is_no_living_one(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    # The end of its output: it has ended, or does so now.
    ended.stdout.read()
    until = time.monotonic() + 30
    while Path(f"/proc/{ended.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < until
        time.sleep(0.01)
    (tmp_path / f".a.{ended.pid}.partial.json").write_text("x")
    remove_leftovers(tmp_path)
    assert not list(tmp_path.iterdir())
    ended.communicate()


def test_leftovers_of_ended_processes_are_removed_and_those_of_living_ones_kept(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead = tmp_path / f".a.{ended.pid}.partial.json"
    dead_folder = tmp_path / f".b.{ended.pid}.partial"
    alive = partial_path(tmp_path / "c.json")
    for file in (dead, alive, tmp_path / ".note.partial-list"):
        file.write_text("x")
    dead_folder.mkdir()
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {alive.name, ".note.partial-list"}


@pytest.mark.parametrize("there", ["folder", "folder/new/deep"])
def test_a_writable_folder_is_not_changed(tmp_path, there):
    (tmp_path / "folder").mkdir()
    check_writable(tmp_path / there)
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_a_file_in_the_place_of_a_folder_is_named(tmp_path, kind):
    place = tmp_path / "place"
    if kind == "file":
        place.write_text("mine")
    else:
        place.symlink_to(tmp_path / "nowhere")
    for folder in (place, place / "below"):
        with pytest.raises(NotADirectoryError) as caught:
            check_writable(folder)
        assert describe_os_error(caught.value).startswith(
            f"{place}: a file is in the place of a folder"
        )
    assert not (tmp_path / "nowhere").exists()
