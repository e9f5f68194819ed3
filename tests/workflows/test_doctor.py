"""The first look when something does not work."""

from __future__ import annotations

import json
import socket

import av
import numpy as np
from typer.testing import CliRunner

from vadkit.cli import app
from vadkit.workflows import doctor


def test_everything_has_a_finding_and_a_used_port_is_said(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = list(doctor.examine("0.1.0", port=server.getsockname()[1], folder=tmp_path))
    by_name = {one.what: one for one in found}
    assert {
        "vadkit",
        "packages",
        "extras",
        "GPU",
        "codecs",
        "port",
        "disk",
        "cache",
        "clock",
    } <= set(by_name)
    assert by_name["port"].status == "note" and "--web PORT" in by_name["port"].text
    assert by_name["packages"].status == "ok"


def test_a_camera_is_opened_and_secrets_are_not_shown(tmp_path):
    path = tmp_path / "gate.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height = 64, 48
        for number in range(12):
            picture = np.full((48, 64, 3), number * 10, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    good = doctor.camera(str(path))
    assert good.status == "ok" and good.text.startswith("64x48")
    bad = doctor.camera("rtsp://user:hunter2@127.0.0.1:1/main", seconds=1.0)
    assert bad.status == "bad" and "no frame within 1 s" in bad.text
    assert "hunter2" not in bad.what + bad.text
    assert doctor.camera(str(tmp_path / "none.mp4")).status == "bad"


def test_the_command_exits_with_3_if_something_is_bad(tmp_path):
    result = CliRunner().invoke(app, ["doctor", str(tmp_path / "none.mp4"), "--json"])
    assert result.exit_code == 3
    assert json.loads(result.stdout)[-1]["status"] == "bad"
