"""Recordings fetched from Frigate, against a server that answers as Frigate's documents say."""

from __future__ import annotations

import json
import time

import pytest

from tests.inference.fake_frigate import FakeFrigate
from vadkit.errors import DataError, RecipeError
from vadkit.inference.recorded import recorded
from vadkit.workflows.data.frigate import Fetched, fetch

START = 1_764_234_000.0  # 2025-11-27 09:00 UTC


@pytest.fixture
def server(tmp_path):
    """Ten minutes of segments of ten seconds, with a gap of a minute after the fifth."""
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"a clip")
    with FakeFrigate(cameras=["gate"]) as running:
        running.clip = clip
        for number in range(60):
            start = START + 10 * number + (60 if number >= 30 else 0)
            one = {"camera": "gate", "start_time": start, "end_time": start + 10.2}
            running.recordings.append({**one, "motion": 0, "objects": 0, "duration": 10.2})
        yield running


def fetched(server, out, **more):
    span = (START, START + 3600)
    *files, totals = fetch(server.url, "gate", *span, out, **more)
    assert isinstance(totals, Fetched)
    return [path.relative_to(out).as_posix() for path in files], totals


def test_segments_are_joined_up_to_gaps_and_the_longest_length(server, tmp_path):
    out = tmp_path / "out"
    files, totals = fetched(server, out, longest_s=200)
    assert files == [
        f"2025-11-27/09/gate/{name}.mp4" for name in ("00.00", "03.10", "06.00", "09.10")
    ]
    assert [(round(end - start, 1)) for _, start, end in server.clips] == [190.2, 110.2] * 2
    assert (totals.new, totals.kept) == (4, 0)
    assert (out / files[1]).read_bytes() == b"a clip"
    found = recorded(out / files[1])
    assert (found.camera, found.start) == ("gate", START + 190)
    # What is there is not fetched again.
    _, totals = fetched(server, out, longest_s=200)
    assert (totals.new, totals.kept, len(server.clips)) == (0, 4, 4)


def test_recordings_with_and_without_events(server, tmp_path):
    for number, (start, end) in enumerate([(100, 105), (-50, 12), (595, None)]):
        server.events[str(number)] = {
            "camera": "gate", "label": "person", "start_time": START + start,
            "end_time": None if end is None else START + end,
        }  # fmt: skip
    files, _ = fetched(server, tmp_path / "with", which="with-events")
    assert [name[-9:-4] for name in files] == ["00.00", "01.30", "09.40"]
    assert [end - start for _, start, end in server.clips] == pytest.approx([20.2, 20.2, 80.2])
    server.clips.clear()
    files, _ = fetched(server, tmp_path / "without", which="without-events")
    assert [name[-9:-4] for name in files] == ["00.20", "01.50", "06.00"]
    # An event that lasts leaves nothing after it.
    assert server.clips[-1][2] == pytest.approx(START + 580.2, abs=0.3)
    files, _ = fetched(server, tmp_path / "cars", which="without-events", labels="car")
    assert len(files) == 2


def test_all_pages_of_events_are_read(server, tmp_path):
    for number in range(250):
        server.events[str(number)] = {
            "camera": "gate", "label": "cat", "start_time": START + number / 100,
            "end_time": START + number / 100 + 1,
        }  # fmt: skip
    server.events["early"] = {
        "camera": "gate", "label": "cat", "start_time": START - 3000, "end_time": START + 300
    }  # fmt: skip
    files, _ = fetched(server, tmp_path / "out", which="without-events")
    assert files == ["2025-11-27/09/gate/06.00.mp4"]


@pytest.mark.parametrize(
    ("arrange", "words"),
    [
        (lambda server: server.recordings.clear(), "has no such recordings of camera 'gate'"),
        (lambda server: server.answers.append(502), "HTTP 502"),
        (lambda server: setattr(server, "password", "p"), "HTTP 401"),
        (lambda server: server.recordings[0].update(start_time="x"), "otherwise than Frigate does"),
        (lambda server: setattr(server, "clip", None), "the clip is empty"),
    ],
)
def test_what_frigate_cannot_give_is_said(server, tmp_path, arrange, words):
    arrange(server)
    with pytest.raises(DataError, match=words):
        list(fetch(server.url, "gate", START, START + 3600, tmp_path / "out"))
    assert not list((tmp_path / "out").rglob("*.*"))


def test_the_command(server, vadkit, tmp_path, monkeypatch):
    monkeypatch.setenv("VADKIT_FRIGATE_PASSWORD", "hush")
    server.password = "hush"
    since, out = time.strftime("%Y-%m-%dT%H:%M", time.localtime(START)), tmp_path / "out"
    base = ["data", "frigate", server.url, "--camera", "gate", "--out", out, "--user", "admin"]
    done = vadkit(*base, "--since", since, "--json")
    assert done.code == 0
    assert json.loads(done.out)["new"] == 2
    again = vadkit(*base, "--since", since)
    assert again.out.startswith("0 new files, 2 kept, 10.0 minutes in")
    wrong = vadkit(*base, "--since", since, "--which", "some")
    assert wrong.code == 2 and "--which some" in wrong.err
    base[4] = "../gate"
    assert vadkit(*base, "--since", since).code == 2


def test_times_in_the_wrong_order(tmp_path):
    with pytest.raises(RecipeError, match="later"):
        list(fetch("http://127.0.0.1:9", "gate", 2.0, 1.0, tmp_path))
