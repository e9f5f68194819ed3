"""Network streams on loopback: they break, stall and come back."""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import itertools
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest

from vadkit.errors import DataError
from vadkit.inference.sources.live import UrlSource
from vadkit.inference.sources.source import Frame, SourceEvent

SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("rtsp_server.py")
PACKAGES = (
    "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly"
)


class RtspServer:
    """A real RTSP server in a process of its own."""

    def __init__(self, file: Path, port: int) -> None:
        self.command = [SYSTEM_PYTHON, str(SERVER), str(file), str(port)]
        self.url = f"rtsp://127.0.0.1:{port}/cam"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None


@pytest.fixture
def rtsp(clip, port):
    probe = "import gi; gi.require_version('GstRtspServer', '1.0')"
    if (
        not Path(SYSTEM_PYTHON).exists()
        or subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True).returncode
    ):
        pytest.skip(f"no RTSP server; apt-get install {PACKAGES}")
    server = RtspServer(clip, port)
    server.start()
    yield server
    server.kill()


class Listener:
    """Reads a source; each step must come within some seconds."""

    def __init__(self, source: UrlSource) -> None:
        self.items = source.read()
        self.frames: list[Frame] = []
        self.events: list[SourceEvent] = []

    def until(self, kind: str, within_s: float = 60) -> SourceEvent:
        deadline = time.monotonic() + within_s
        for item in self.items:
            if isinstance(item, Frame):
                self.frames.append(item)
            else:
                self.events.append(item)
                if item.kind == kind:
                    return item
            assert time.monotonic() < deadline, f"no '{kind}' in {within_s} s: {self.events}"
        raise AssertionError(f"it ended without '{kind}': {self.events}")

    def take(self, count: int) -> list[Frame]:
        new = []
        while len(new) < count:
            item = next(self.items)
            if isinstance(item, Frame):
                new.append(item)
            else:
                self.events.append(item)
        self.frames += new
        return new


@pytest.mark.slow
def test_an_rtsp_server_that_is_killed_stalls_and_comes_back(rtsp):
    source = UrlSource(rtsp.url, stall_s=8, retry_s=0.2, retry_most_s=0.5)
    stream = Listener(source)
    opened = stream.until("opened")
    assert (opened.size, opened.fps, source.live) == ((48, 64), 25, True)
    first = stream.take(20)
    steps = np.diff([frame.time for frame in first])
    assert abs(np.median(steps) - 0.04) < 0.002
    assert first[0].image.shape == (48, 64, 3)

    rtsp.kill()
    lost = stream.until("lost")
    assert lost.message.endswith("trying again in 0.2 s")
    assert "Connection refused" in stream.until("retrying").message
    rtsp.start()
    again = stream.until("reconnected")
    (frame,) = stream.take(1)
    assert frame.missed >= 1
    assert frame.time >= again.time - 1e-9 and again.time >= lost.time
    assert {one.missed for one in stream.take(10)} == {0}

    # The process stands still, its connection stays open.
    os.kill(rtsp.process.pid, signal.SIGSTOP)
    assert "no frame came for 8 s" in stream.until("stalled").message
    os.kill(rtsp.process.pid, signal.SIGCONT)
    stream.until("reconnected")
    stream.take(5)
    times = [frame.time for frame in stream.frames]
    assert all(after > before for before, after in itertools.pairwise(times))
    source.close()
    assert not [item for item in stream.items if isinstance(item, SourceEvent)]


def test_a_server_that_is_not_there(port):
    source = UrlSource(f"rtsp://me:secret@127.0.0.1:{port}/x", retry_s=0.1, give_up_s=5)
    stream = Listener(source)
    with pytest.raises(DataError, match=r"me:\*\*\*@127.* gave no frame .*Connection refused$"):
        stream.until("opened")
    assert [event.kind for event in stream.events][:2] == ["lost", "retrying"]
    assert not any("secret" in event.message for event in stream.events)


def test_closing_ends_a_source_that_waits(port):
    source = UrlSource(f"rtsp://127.0.0.1:{port}/x", retry_s=60)
    stream = Listener(source)
    stream.until("lost")
    threading.Timer(0.1, source.close).start()
    began = time.monotonic()
    assert list(stream.items) == []
    assert time.monotonic() - began < 5


@contextlib.contextmanager
def serving(handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Mjpeg(Quiet):
    """Frames of rising brightness, ten a second; each connection ends after 15."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for number in range(15):
            picture = np.full((48, 64, 3), 10 * number, np.uint8)
            jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")
            time.sleep(0.1)


def test_mjpeg_over_http():
    with serving(Mjpeg) as url:
        source = UrlSource(f"{url}/video", retry_s=0.1)
        stream = Listener(source)
        stream.until("opened")
        stream.until("lost")
        assert source.live
        means = [frame.image.mean() for frame in stream.frames]
        assert len(means) >= 14
        np.testing.assert_allclose(np.diff(means), 10, atol=1.5)
        # MJPEG has no times of its own: they are those of arrival.
        assert 0.8 < stream.frames[12].time - stream.frames[2].time < 2
        stream.until("reconnected")
        assert stream.take(1)[0].missed >= 1
        source.close()
        list(stream.items)


class Stills(Quiet):
    """A still picture, brighter at each of ``every_s``; some requests get something else."""

    every_s, ending, grows_at, password = 0.3, ".jpg", 10**9, None
    faults: ClassVar[dict[int, str]] = {}

    def __init_subclass__(cls):
        cls.requests, cls.began = 0, time.monotonic()

    def do_GET(self):
        kind = type(self)
        kind.requests += 1
        fault = self.faults.get(kind.requests)
        if self.password and self.headers.get("Authorization") != self.password:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
            return
        number = int((time.monotonic() - kind.began) / self.every_s)
        shape = (96, 128, 3) if number >= self.grows_at else (48, 64, 3)
        picture = np.full(shape, 10 + 5 * number % 200, np.uint8)
        body = cv2.imencode(self.ending, picture)[1].tobytes()
        if fault == "text":
            body = b"busy, try again"
        self.send_response(503 if fault == "503" else 200)
        self.send_header("Content-Type", f"image/{self.ending[1:]}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.mark.parametrize("ending", [".jpg", ".png"])
@pytest.mark.parametrize("address", ["snapshot.jpg", "cgi-bin/picture?channel=1"])
def test_a_still_picture_is_fetched_at_a_rate(ending, address):
    kind = type("Kind", (Stills,), {"ending": ending})
    with serving(kind) as url:
        source = UrlSource(f"{url}/{address}", every_s=0.1)
        stream = Listener(source)
        opened = stream.until("opened")
        assert (opened.fps, opened.size, source.live) == (10, (48, 64), True)
        frames = stream.take(6)
        requests = kind.requests
        source.close()
        assert list(stream.items) == []
    # Fetched ten times a second; it changes three times a second.
    steps = np.diff([frame.time for frame in frames])
    assert 0.15 < np.median(steps) < 0.45 and requests > 10
    levels = [frame.image.mean() for frame in frames]
    assert all(after > before + 3 for before, after in itertools.pairwise(levels))
    assert not any(frame.starts_anew for frame in frames)
    assert all(frame.arrived > 0 for frame in frames)


def test_a_still_picture_of_a_slow_camera_has_no_gaps():
    with serving(type("Kind", (Stills,), {"every_s": 2.2})) as url:
        source = UrlSource(f"{url}/a.jpg", every_s=0.8)
        stream = Listener(source)
        stream.until("opened")
        assert not any(frame.missed for frame in stream.take(5)[2:])
        source.close()
        list(stream.items)


def test_a_still_picture_that_fails_or_changes_its_size():
    kind = type("Kind", (Stills,), {"faults": {8: "503", 16: "text"}, "grows_at": 15})
    with serving(kind) as url:
        source = UrlSource(f"{url}/a.jpg", every_s=0.1, retry_s=0.1)
        stream = Listener(source)
        stream.until("opened")
        assert "5XX" in stream.until("lost").message
        stream.until("reconnected")
        assert stream.take(1)[0].missed
        # A single answer that is not a picture costs this picture only.
        while not stream.take(1)[0].cut:
            assert len(stream.frames) < 40
        assert {frame.image.shape for frame in stream.frames} == {(48, 64, 3)}
        assert [event.kind for event in stream.events] == ["opened", "lost", "reconnected"]
        source.close()
        list(stream.items)


def test_a_still_picture_that_never_changes_is_a_stall():
    with serving(type("Kind", (Stills,), {"every_s": 1e9})) as url:
        source = UrlSource(f"{url}/a.jpg", every_s=0.1, stall_s=1, retry_s=0.1)
        stream = Listener(source)
        stream.until("opened")
        stream.until("stalled")
        assert len(stream.frames) == 1
        source.close()
        list(stream.items)


def test_a_still_picture_behind_a_password():
    secret = "Basic " + base64.b64encode(b"me:secret").decode()
    with serving(type("Kind", (Stills,), {"password": secret})) as url:
        source = UrlSource(url.replace("//", "//me:secret@") + "/a.jpg", every_s=0.1)
        stream = Listener(source)
        stream.until("opened")
        assert len(stream.take(2)) == 2
        source.close()
        assert not any("secret" in event.message for event in stream.events)
        list(stream.items)


class Growing(Mjpeg):
    """A camera whose picture changes its size while it is watched."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            for number in range(200):
                shape = (96, 128, 3) if number // 10 % 2 else (48, 64, 3)
                jpeg = cv2.imencode(".jpg", np.full(shape, number, np.uint8))[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
                time.sleep(0.05)


def test_mjpeg_that_changes_its_size_goes_on():
    with serving(Growing) as url:
        source = UrlSource(f"{url}/video")
        stream = Listener(source)
        stream.until("opened")
        frames = stream.take(35)
        source.close()
        list(stream.items)
    assert {frame.image.shape for frame in frames} == {(48, 64, 3)}
    assert [n for n, frame in enumerate(frames) if frame.cut] == [10, 20, 30]
    assert [event.kind for event in stream.events] == ["opened"]


@pytest.fixture
def hls(clip, tmp_path):
    if shutil.which("ffmpeg") is None:
        pytest.skip("no program to cut a playlist with; apt-get install ffmpeg")
    command = ["ffmpeg", "-loglevel", "error", "-i", str(clip), "-c", "copy", "-f", "hls"]
    command += ["-hls_time", "0.4", "-hls_list_size", "0", str(tmp_path / "gate.m3u8")]
    subprocess.run(command, check=True)
    shutil.copyfile(clip, tmp_path / "gate.mp4")
    with serving(functools.partial(Quiet, directory=tmp_path)) as url:
        yield tmp_path, url


def test_a_playlist_and_a_file_over_http_end_like_files(hls):
    _, url = hls
    for name in ("gate.m3u8", "gate.mp4"):
        source = UrlSource(f"{url}/{name}")
        stream = Listener(source)
        stream.until("ended")
        assert not source.live
        times = [frame.time for frame in stream.frames]
        np.testing.assert_allclose(times, [n / 25 for n in range(50)], atol=2e-3)


def test_a_live_playlist_comes_at_the_pace_of_its_frames(hls):
    folder, url = hls
    playlist = folder / "gate.m3u8"
    text = playlist.read_text().replace("#EXT-X-ENDLIST\n", "")
    playlist.write_text(text)
    source = UrlSource(f"{url}/gate.m3u8", stall_s=3)
    stream = Listener(source)
    stream.until("opened")
    assert source.live
    # The last three of five segments are there at once.
    frames = stream.take(20)
    assert frames[-1].arrived - frames[0].arrived > 0.6
    stream.until("stalled")
    source.close()
    list(stream.items)
