"""The signals that ask a process to stop."""

from __future__ import annotations

import signal


def stop_signals() -> list[signal.Signals]:
    """Return Ctrl-C, SIGTERM, and SIGHUP, which comes when a terminal or a connection closes.

    Signals that this process ignores are left out; ``nohup`` makes it ignore SIGHUP.
    """
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return [number for number in wanted if signal.getsignal(number) != signal.SIG_IGN]
