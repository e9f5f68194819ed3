"""Standard input, output and error, also if the caller has closed them."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

import typer

from vadkit.errors import TrainingError
from vadkit.files import describe_os_error
from vadkit.text import print_anything

_hushed: tuple[Any, Any] | None = None


def prepare_streams() -> None:
    """Open closed streams, accept any text, and ignore errors of stderr.

    Otherwise a file that is opened later would get the number of a closed stream, and the output of
    a library would go into that file. A message that cannot be shown must not stop a command.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(number, True)
    # Python has no object for a stream that was closed at its start.
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None or sys.stderr is sys.__stderr__:
        encoding = getattr(sys.stderr, "encoding", "utf-8")
        raw: Any = _Forgiving(2, "w", closefd=False)
        sys.stderr = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    print_anything()


def hush() -> None:
    """Print nothing until ``speak`` is called, neither on stdout nor on stderr."""
    global _hushed
    if _hushed is None:
        _hushed = (sys.stdout, sys.stderr)
        # Kept open, because it may be written to until the process ends.
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        logging.disable()


def speak() -> None:
    """Print again on stdout and stderr."""
    global _hushed
    if _hushed is not None:
        (sys.stdout, sys.stderr), _hushed = _hushed, None
        logging.disable(logging.NOTSET)


def end_output(code: int) -> int:
    """Flush stdout and return the exit code, which changes if this fails."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return reader_gone()
    except OSError as error:
        typer.echo(f"error: {describe_os_error(error)}", err=True)
        _drop_output()
        return code or TrainingError.exit_code
    return code


def reader_gone() -> int:
    """Return the exit code if the reader of stdout has gone, as in ``list-components | head``."""
    _drop_output()
    return 1


def _drop_output() -> None:
    # Otherwise Python would try to write the rest again when it ends, and print an error.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class CountedOutput:
    """Stdout for lines that are printed as things happen; it counts those that could not be."""

    def __init__(self) -> None:
        self.lost, self.reason = 0, ""

    def write(self, text: str) -> int:
        """Pass text on to stdout."""
        with self._counting():
            return sys.stdout.write(text)

    def flush(self) -> None:
        """Print what was passed on."""
        with self._counting():
            sys.stdout.flush()

    @contextlib.contextmanager
    def _counting(self) -> Iterator[None]:
        """Count a line that the system refuses; `print` makes no further call for that line."""
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            self.lost += 1
            self.reason = self.reason or describe_os_error(error)
            raise

    def losses(self) -> str:
        """One line on what was lost, empty if nothing was."""
        if not self.lost:
            return ""
        try:
            sys.stdout.flush()
        except OSError:
            # Otherwise, the same reason would be given again when the process ends.
            _drop_output()
        lines = "1 line" if self.lost == 1 else f"{self.lost:,} lines"
        return f"{lines} on stdout could not be printed when due ({self.reason})"


class _Forgiving(io.FileIO):
    """A file that accepts everything, even if the disk is full or the terminal is closed."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or len(data)
        except OSError:
            return len(data)
