"""Lines of stderr as JSON."""

from __future__ import annotations

import io
import json
import logging
import sys

import typer

from vadkit.cli.json_log import log_json


def redirected(monkeypatch):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(logging.root, "handlers", [handler])
    monkeypatch.setattr(logging.getLogger("vadkit"), "level", logging.WARNING)
    log_json()
    return stream


def test_logs_messages_and_errors_are_one_object_a_line(monkeypatch):
    stderr = redirected(monkeypatch)
    logging.getLogger("vadkit.watch").warning("gate: %s", "two\nlines")
    typer.echo("page: http://127.0.0.1:8700/", err=True)
    print("error: no camera", file=sys.stderr)
    sys.stderr.write("half ")
    sys.stderr.write("a line\n")
    found = [json.loads(line) for line in stderr.getvalue().splitlines()]
    assert [(one["level"], one["logger"], one["message"]) for one in found] == [
        ("warning", "vadkit.watch", "gate: two\nlines"),
        ("info", "vadkit", "page: http://127.0.0.1:8700/"),
        ("error", "vadkit", "no camera"),
        ("info", "vadkit", "half a line"),
    ]
    assert all(one["time"].endswith("Z") for one in found)
