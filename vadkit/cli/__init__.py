"""The command line parses arguments, calls a workflow and prints the result.

Data goes to stdout, messages go to stderr. Only Typer is imported before a command runs, so that
``--help`` is fast.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import traceback
from typing import Annotated

import typer

from vadkit.cli import (
    bench,
    calibrate,
    compare,
    components,
    data,
    data_cache,
    data_frigate,
    doctor,
    evaluation,
    events,
    export,
    features,
    infer,
    init,
    recipes,
    report,
    review,
    train,
    tune,
    update,
    watch,
    words,
)
from vadkit.cli.standard import end_output, prepare_streams, reader_gone, speak
from vadkit.errors import RecipeError, TrainingError, VadkitError, describe_exhausted
from vadkit.files import describe_os_error
from vadkit.ranks import PeerEnded, speaks, started
from vadkit.text import printable

# Threads that wait in a loop take the processor from those that they wait for: with other programs
# on the machine, training took five times as long. Read by the OpenMP library when PyTorch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

app = typer.Typer(
    name="vadkit",
    help="Video anomaly detection: train, evaluate and score video, all from one recipe.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init")(init.init)
app.command("train")(train.train)
app.command("eval")(evaluation.evaluate)
app.command("compare")(compare.compare)
app.command("calibrate")(calibrate.calibrate)
app.command("infer")(infer.infer)
app.command("watch")(watch.watch)
app.command("events")(events.events)
app.command("feedback")(events.feedback)
app.command("review")(review.review)
app.command("update")(update.update)
app.command("tune")(tune.tune)
app.command("bench")(bench.bench)
app.command("export")(export.export)
app.command("report")(report.report)
app.command("doctor")(doctor.doctor)
app.command("list-components")(components.list_components)
app.command("recipes")(recipes.recipes)
app.command("validate")(recipes.validate)
app.command("schema")(recipes.schema)
data.app.command("frigate")(data_frigate.frigate)
data.app.add_typer(data_cache.app, name="cache")
app.add_typer(data.app, name="data")
app.add_typer(words.app, name="words")
app.add_typer(features.app, name="features")


def _print_version(wanted: bool) -> None:
    if wanted:
        from vadkit import __version__

        typer.echo(f"vadkit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Video anomaly detection: train, evaluate and score video, all from one recipe."""
    if (count := started().of) > 1 and context.invoked_subcommand != "train":
        raise RecipeError(
            f"`vadkit {context.invoked_subcommand}` runs in one process, but torchrun started "
            f"{count} (WORLD_SIZE); start it without torchrun, or unset WORLD_SIZE"
        )


def main() -> None:
    """Run ``vadkit``: an expected error becomes one message and an exit code."""
    import logging

    # Otherwise, the Python processes that we start would search the current folder first for
    # modules such as `pickle`, and that folder may contain untrusted files.
    os.environ["PYTHONSAFEPATH"] = "1"
    prepare_streams()

    class Printable(logging.Formatter):
        """Escape file and camera names, which may contain terminal control characters."""

        def formatMessage(self, record: logging.LogRecord) -> str:
            record.message = _printable_lines(record.message)
            return super().formatMessage(record)

    logging.basicConfig(level=logging.WARNING)
    for handler in logging.root.handlers:
        handler.setFormatter(Printable("%(levelname)s %(name)s: %(message)s"))
    code = 0
    try:
        app(standalone_mode=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except PeerEnded as error:
        code = error.exit_code
    except VadkitError as error:
        text = _printable_lines(str(error))
        _say(f"error: {text}" if "\n" not in text else text)
        code = error.exit_code
    except KeyboardInterrupt:
        # Commands say themselves what was interrupted; this one had not begun.
        code = 130
    except BrokenPipeError:
        code = reader_gone()
    except OSError as error:
        _say(f"error: {describe_os_error(error)}")
        code = TrainingError.exit_code
    except Exception as error:
        exhausted = describe_exhausted(error)
        if exhausted is not None:
            _say(f"error: {exhausted}")
        elif speaks():
            speak()
            if not _in_group():
                raise
            traceback.print_exc()
        code = TrainingError.exit_code if exhausted else 1
    if _in_group():
        # Threads of Gloo that still run would abort a process that ends in the usual way.
        code = end_output(code)
        sys.stderr.flush()
        os._exit(code)
    # A Ctrl-C now would print a traceback while Python cleans up.
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_DFL)
    sys.exit(end_output(code))


def _in_group() -> bool:
    """Whether this process has joined others that train the same model."""
    distributed = sys.modules.get("torch.distributed")
    return distributed is not None and distributed.is_available() and distributed.is_initialized()


def _say(text: str) -> None:
    """Print an error, unless another process with the same error does."""
    if speaks():
        speak()
        typer.echo(text, err=True)


def _printable_lines(text: str) -> str:
    return "\n".join(printable(line, 4000) for line in text.split("\n"))
