"""The signals that ask a process to stop."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


def stop_signals() -> list[signal.Signals]:
    """Return Ctrl-C, SIGTERM, and SIGHUP, which comes when a terminal or a connection closes.

    Signals that this process ignores are left out; ``nohup`` makes it ignore SIGHUP.
    """
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return [number for number in wanted if signal.getsignal(number) != signal.SIG_IGN]


class StopRequest:
    """Whether the user asked to stop: ``made`` is True from the first signal on."""

    def __init__(self) -> None:
        self.made = False

    @contextlib.contextmanager
    def noticed(self) -> Iterator[None]:
        """Only note the first stop signal; raise ``KeyboardInterrupt`` at the second one.

        Signals reach the main thread only; in another one, nothing is changed.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(number: int, frame: Any) -> None:
            if self.made:
                raise KeyboardInterrupt
            self.made = True

        before = {number: signal.signal(number, note) for number in stop_signals()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
