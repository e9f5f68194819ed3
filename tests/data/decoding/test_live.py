"""Reading a still picture again and again."""

import contextlib
import itertools
from types import SimpleNamespace

import av
import pytest

from vadkit.data.decoding import live


def test_a_picture_that_takes_longer_than_its_rate_is_never_waited_for_negatively(monkeypatch):
    """Every look at the clock finds it later, as on a busy machine."""
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            raise StopIteration
        assert seconds >= 0

    stream = SimpleNamespace(codec_context=SimpleNamespace(thread_count=0))
    empty = SimpleNamespace(streams=SimpleNamespace(video=[stream]), demux=lambda stream: [])
    monkeypatch.setattr(av, "open", lambda address, options: contextlib.nullcontext(empty))
    clock = itertools.count(0.0, 1.0)
    monkeypatch.setattr(live, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=sleep))
    with pytest.raises(RuntimeError):
        list(live._poll("http://camera/a.jpg", {}, 0.1))
    assert waits == [0, 0, 0]
