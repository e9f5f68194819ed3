"""Answers: kept in order, the last one valid, none lost."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.errors import RecipeError, TrainingError
from vadkit.workflows.answers import ANSWERS, give_answer, read_answers

RECORD = {"id": "gate-1", "source": "gate", "start": 1.0}


def test_the_last_answer_is_valid_and_the_others_are_history(tmp_path):
    for answer in ("right", "false", "right"):
        give_answer(tmp_path, "event", "gate-1", answer, RECORD, by="page")
    give_answer(tmp_path, "stretch", "gate-1", "normal", {})
    found = read_answers(tmp_path)
    assert found.last("event", "gate-1").answer == "right"
    assert [one.answer for one in found.history("event", "gate-1")] == ["right", "false", "right"]
    assert found.last("event", "gate-1").record == RECORD
    assert found.last("stretch", "gate-1").answer == "normal"
    assert found.last("event", "gate-2") is None
    assert [one.about for one in found.valid("event", "right", "false")] == ["event"]
    assert not found.valid("event", "false")


def test_a_run_without_answers_has_none(tmp_path):
    assert read_answers(tmp_path).given == []


@pytest.mark.parametrize(("about", "answer"), [("event", "normal"), ("stretch", "right")])
def test_an_answer_of_the_other_kind_is_refused(tmp_path, about, answer):
    with pytest.raises(RecipeError, match="choose one of"):
        give_answer(tmp_path, about, "x", answer, {})
    assert not (tmp_path / "answers.jsonl").exists()


def test_a_run_that_disappeared_is_not_made_again(tmp_path):
    with pytest.raises(TrainingError, match="not kept"):
        give_answer(tmp_path / "gone", "event", "x", "right", {})
    assert not (tmp_path / "gone").exists()


@given(st.lists(st.tuples(st.text(min_size=1, max_size=30), st.sampled_from(ANSWERS["event"]))))
@settings(max_examples=30, deadline=None)
def test_any_ids_and_order_are_kept(tmp_path_factory, answers):
    run = tmp_path_factory.mktemp("run")
    for id, answer in answers:
        give_answer(run, "event", id, answer, {})
    found = read_answers(run)
    assert [(one.id, one.answer) for one in found.given] == answers
    assert all(found.last("event", id).answer == answer for id, answer in dict(answers).items())


def test_damaged_lines_are_named_and_cost_only_themselves(tmp_path, caplog):
    give_answer(tmp_path, "event", "a", "right", {})
    path = tmp_path / "answers.jsonl"
    wrong = {"about": "event", "id": "x", "answer": "maybe", "at": "", "record": {}}
    damaged = [b"{", b"\xff\xfe", b"[" * 5000, b"9" * 200_000, json.dumps(wrong).encode()]
    path.write_bytes(path.read_bytes() + b"\n".join(damaged) + b"\n")
    give_answer(tmp_path, "event", "b", "false", {})
    found = read_answers(tmp_path)
    assert [one.id for one in found.given] == ["a", "b"]
    assert "5 damaged lines are left out, the first is line 2" in caplog.text


def test_a_line_that_a_killed_process_left_incomplete_is_no_answer(tmp_path):
    give_answer(tmp_path, "event", "a", "right", {})
    path = tmp_path / "answers.jsonl"
    whole = path.read_bytes()
    for cut in (1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole + whole[:cut])
        assert [one.id for one in read_answers(tmp_path).given] == ["a"]
        give_answer(tmp_path, "event", "b", "false", {})
        assert [one.id for one in read_answers(tmp_path).given] == ["a", "b"]


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path):
    other = tmp_path / "other"
    other.write_text("precious\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "answers.jsonl").symlink_to(other)
    with pytest.raises(TrainingError, match="link"):
        give_answer(tmp_path / "run", "event", "a", "right", {})
    assert other.read_text() == "precious\n"


LOOP = """
import sys
from pathlib import Path
from vadkit.workflows.answers import give_answer
for number in range(100_000):
    give_answer(Path(sys.argv[1]), "event", f"{sys.argv[2]}-{number}", "false", {"pad": "x" * 3000})
    print(number, flush=True)
"""


def test_no_answer_is_lost_if_processes_are_killed_while_they_answer(tmp_path):
    for turn in range(3):
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", LOOP, str(tmp_path), f"{turn}-{number}"],
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(2)
        ]
        for writer in writers:
            writer.stdout.readline()
        time.sleep(0.2)
        told = set()
        for number, writer in enumerate(writers):
            os.kill(writer.pid, signal.SIGKILL)
            rest = writer.communicate()[0]
            last = max([0, *map(int, rest.split())])
            told |= {f"{turn}-{number}-{one}" for one in range(last + 1)}
        kept = {one.id for one in read_answers(tmp_path).given}
        assert told <= kept
    assert len(read_answers(tmp_path).given) == len(kept)


FULL = """
import resource, signal, sys
from pathlib import Path
from vadkit.errors import TrainingError
from vadkit.workflows.answers import give_answer
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
run = Path(sys.argv[1])
give_answer(run, "event", "a", "right", {})
size = (run / "answers.jsonl").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, size + 50))
try:
    give_answer(run, "event", "b", "false", {})
except TrainingError as error:
    print(error)
"""


def test_a_full_disk_is_named_and_the_file_stays_whole(tmp_path):
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "the answer was not kept" in done.stdout
    assert [one.id for one in read_answers(tmp_path).given] == ["a"]
    assert (tmp_path / "answers.jsonl").read_bytes().endswith(b"\n")
