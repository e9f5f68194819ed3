"""Errors that a user can cause or fix; each type has the exit code of the command line."""

from __future__ import annotations

_NO_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "insufficient memory",
    "std::bad_alloc",
)


class VadkitError(Exception):
    """Base class of expected errors. The text is one clear message: what, where, what to do."""

    exit_code = 1


class RecipeError(VadkitError):
    """A recipe, an override or a command-line argument is not usable."""

    exit_code = 2


class DataError(VadkitError):
    """Videos, labels or scores are missing, unreadable or do not match."""

    exit_code = 3


class TrainingError(VadkitError):
    """Training or a run folder cannot continue (loss not finite, checkpoint unreadable)."""

    exit_code = 4


class PluginError(VadkitError):
    """A plugin file or entry point cannot be loaded, or registers a name twice."""

    exit_code = 5


def describe_exhausted(error: BaseException) -> str | None:
    """Describe an error about exhausted memory or threads in one line; None for other errors."""
    # PyTorch and OpenCV have no special type for this error, so the text decides.
    text = str(error).lower()
    if isinstance(error, MemoryError) or any(words in text for words in _NO_MEMORY):
        return (
            "there is not enough memory; close other programs, raise `ulimit -v`, or take "
            "smaller clips, batches (train.batch_size) or models, or fewer --workers"
        )
    if "can't start new thread" in text:
        return "no more threads can be started; close other programs, or raise `ulimit -u`"
    return None
