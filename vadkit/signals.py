"""The signals that ask a process to stop in good order."""

from __future__ import annotations

import signal


def stop_signals() -> list[signal.Signals]:
    """Ctrl-C, SIGTERM, and SIGHUP, which comes when a terminal or a connection closes.

    Without those that this process was told to ignore, as ``nohup`` does with SIGHUP.
    """
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return [number for number in wanted if signal.getsignal(number) != signal.SIG_IGN]
