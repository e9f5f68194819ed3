"""The lines of a phase of work without a terminal; the bar is tested in tests/e2e/test_progress."""

from __future__ import annotations

import re
import time

import pytest

from vadkit.reports import work_bar
from vadkit.reports.work_bar import WorkBar, duration


def lines(capsys):
    return capsys.readouterr().err.splitlines()


def test_lines_come_while_nothing_happens_and_at_the_end(capsys):
    with WorkBar("fitting", 200, "clips", every_s=0.05) as bar:
        bar.update(50, note="pass 1/2")
        time.sleep(0.3)
        bar.update(200, note="pass 2/2")
    found = lines(capsys)
    assert len(found) >= 3
    assert re.fullmatch(
        r"fitting, pass 1/2: 50 of 200 clips, [\d,.]+ clips/s, \d+ s left", found[0]
    )
    assert re.fullmatch(
        r"fitting, pass 2/2: 200 of 200 clips, [\d,.]+ clips/s, done in 0 s", found[-1]
    )


def test_a_short_phase_says_nothing(capsys):
    with WorkBar("fitting", 200, "clips") as bar:
        bar.update(200)
    assert lines(capsys) == []


def test_a_long_phase_gets_a_last_line(capsys, monkeypatch):
    monkeypatch.setattr(work_bar, "_LONG_S", 0.0)
    with WorkBar("scoring", 9, "frames") as bar:
        bar.update(9)
    assert len(lines(capsys)) == 1


def test_a_failed_phase_is_not_called_done(capsys):
    def fail():
        with WorkBar("fitting", 2, "clips", every_s=0.02) as bar:
            bar.update(1)
            time.sleep(0.1)
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    found = lines(capsys)
    assert found
    assert not any("done" in line for line in found)
    time.sleep(0.1)
    assert lines(capsys) == []


def test_more_than_the_total_and_markup_are_shown_as_they_are(capsys):
    with WorkBar("[bold]a[/x]", 2, "clips", every_s=0.05) as bar:
        bar.update(5)
        time.sleep(0.12)
    assert lines(capsys)[0].startswith("[bold]a[/x]: 5 of 5 clips")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (3725, "1 h 02 min")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text
