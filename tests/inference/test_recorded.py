"""What the path of a recording of Frigate says."""

import datetime
from pathlib import Path

import pytest

from vadkit.inference.recorded import Recorded, recorded, recording_path

START = datetime.datetime(2026, 11, 27, 9, 4, 55, tzinfo=datetime.UTC).timestamp()


def test_camera_and_utc_time_come_from_the_folders(monkeypatch, tmp_path):
    path = Path("/media/frigate/recordings/2026-11-27/09/gate/04.55.mp4")
    assert recorded(path) == Recorded("gate", START)
    (tmp_path / "2026-11-27" / "09" / "gate").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "2026-11-27" / "09" / "gate")
    assert recorded(Path("04.55.mp4")) == Recorded("gate", START)


@pytest.mark.parametrize(
    "path",
    [
        "/04.55.mp4",
        "/r/2026-11-27/09/gate/04.55.mkv",
        "/r/2026-11-27/09/gate/monday.mp4",
        "/r/2026-11-27/9/gate/04.55.mp4",
        "/r/2026-13-27/09/gate/04.55.mp4",
        "/r/2026-11-27/24/gate/04.55.mp4",
        "/r/2026-11-27/09/gate/04.61.mp4",
    ],
)
def test_other_paths_say_nothing(path):
    assert recorded(Path(path)) is None


def test_a_path_is_read_back():
    path = recording_path(Path("/r"), "gate", START + 0.7)
    assert path == Path("/r/2026-11-27/09/gate/04.55.mp4")
    assert recorded(path) == Recorded("gate", START)
