"""Cameras of a site without any model: what the board shows of them."""

from __future__ import annotations

import logging

from vadkit.reports.live_board import Board
from vadkit.workflows.site.file import load_site
from vadkit.workflows.site.watch import SiteWatch

CAMERA = "  {}: {{source: 'rtsp://${{NOT_SET}}@x/', run: r}}\n"


def test_the_board_follows_cameras_that_cannot_be_watched(tmp_path, monkeypatch, caplog):
    monkeypatch.delenv("NOT_SET", raising=False)
    path = tmp_path / "site.yaml"
    path.write_text("cameras:\n" + CAMERA.format("gate"))
    site = load_site(path)
    board = Board(list(site.cameras))
    watching = SiteWatch(path, site, board, ())
    watching._look()
    board.cameras["gate"].score = 1.0
    path.write_text("keep: {days: 3}\ncameras:\n" + CAMERA.format("yard"))
    with caplog.at_level(logging.WARNING, "vadkit.watch"):
        watching.reload()
        watching._look()
        watching._look()
    assert list(board.cameras) == ["yard"]
    yard = board.cameras["yard"]
    assert yard.state == "failed" and "NOT_SET is not set" in yard.message
    assert "'keep' changes only at the next start" in caplog.text
    assert caplog.text.count("yard: NOT_SET is not set") == 1
