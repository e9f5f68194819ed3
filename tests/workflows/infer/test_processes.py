"""Worker processes: results come whole, and a process that dies costs one item."""

import functools
import logging
import os
import signal

import pytest

from vadkit.errors import DataError
from vadkit.workflows.infer.processes import score_in_processes


def start(fault=None):
    if fault == "start":
        raise DataError("no model")
    if fault == "dies":
        os._exit(7)

    def score(item, progress):
        if item == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if item == "broken":
            raise ZeroDivisionError("broken")
        if item == "warns":
            logging.getLogger("vadkit.test").warning("item %s", item)
        progress(3)
        return item * 2

    return score


def run(items, fault=None):
    frames = []
    how = functools.partial(start, fault)
    found = dict(score_in_processes(2, how, items, frames.append))
    return found, sum(frames)


@pytest.mark.slow
def test_every_item_is_scored_once_and_a_death_costs_one(caplog):
    found, frames = run(["a", "killed", "b", "warns", "c"])
    assert str(found.pop(1)) == "was ended by SIGKILL"
    assert found == {0: "aa", 2: "bb", 3: "warnswarns", 4: "cc"}
    assert frames == 12
    assert [record.getMessage() for record in caplog.records] == ["item warns"]


@pytest.mark.slow
def test_internal_errors_stop_everything():
    with pytest.raises(ZeroDivisionError, match="broken") as caught:
        run(["a", "broken"])
    assert "in score" in caught.value.__notes__[0]
    with pytest.raises(DataError, match="no model"):
        run(["a"], "start")
    with pytest.raises(Exception, match="ended with exit code 7 while it started"):
        run(["a"], "dies")
