"""Another machine is told apart by what it sees, not by the names of its folders."""

import dataclasses
import os
from pathlib import Path

import pytest

from vadkit import trust
from vadkit.errors import TrainingError
from vadkit.workflows.shared_folder import shared_folder


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    monkeypatch.setattr(trust, "_accepted", set())
    monkeypatch.chdir(Path.cwd())


def test_the_mark_is_gone_in_the_end(tmp_path):
    with shared_folder(tmp_path, [tmp_path / "run"], ()) as shared:
        assert shared.start is None
        shared.enter()
        assert [path.name for path in tmp_path.iterdir()] == [shared.mark.name]
    assert not list(tmp_path.iterdir())


def test_marks_of_killed_processes_go_when_they_are_old(tmp_path):
    for name, then in (("old", 0), ("young", None)):
        mark = tmp_path / f".shared-{name}"
        mark.touch()
        os.utime(mark, None if then is None else (then, then))
    with shared_folder(tmp_path, [], ()):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".shared-young"]


def test_a_machine_without_the_folder_is_named(tmp_path):
    with shared_folder(tmp_path, [], ()) as shared:
        shared.mark.unlink()
        with pytest.raises(
            TrainingError, match=rf"machine \S+ of .* does not see {tmp_path}; give"
        ):
            shared.enter()


def test_relative_paths_need_the_current_folder(tmp_path, monkeypatch):
    work = tmp_path / "work"
    (work / "out").mkdir(parents=True)
    monkeypatch.chdir(work)
    with shared_folder(Path("out"), [], ()) as shared:
        monkeypatch.chdir(tmp_path)
        shared.enter()
        assert Path.cwd() == work
        other = dataclasses.replace(shared, start=tmp_path / "absent")
        with pytest.raises(TrainingError, match=r"has no folder .*absent.* give absolute paths"):
            other.enter()


def test_other_versions_are_refused(tmp_path):
    with shared_folder(tmp_path, [], ()) as shared:
        other = dataclasses.replace(shared, versions={"vadkit": "0.0.1"})
        with pytest.raises(TrainingError, match=r"and this one vadkit 0\.0\.1; install the same"):
            other.enter()


def test_code_that_the_user_trusts_is_trusted_in_this_process_only(tmp_path):
    with shared_folder(tmp_path, [], ("no digest",)) as shared:
        assert not trust.is_trusted("no digest")
        shared.enter()
    assert trust.is_trusted("no digest")
    assert not trust.trust_file().exists() or "no digest" not in trust.trust_file().read_text()
