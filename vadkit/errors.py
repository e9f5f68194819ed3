"""The errors that a user can cause or fix; each kind carries the exit code of the command line."""

from __future__ import annotations

_NO_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "insufficient memory",
    "std::bad_alloc",
)


class VadkitError(Exception):
    """Base of every expected error. Its text is one clear message: what, where, what to do."""

    exit_code = 1


class RecipeError(VadkitError):
    """A recipe, an override or a command-line argument that cannot be used."""

    exit_code = 2


class DataError(VadkitError):
    """Videos, labels or scores that are missing, unreadable or do not fit together."""

    exit_code = 3


class TrainingError(VadkitError):
    """Training or a run folder that cannot go on (loss not finite, checkpoint unreadable)."""

    exit_code = 4


class PluginError(VadkitError):
    """A plugin file or entry point that cannot be loaded, or a name registered twice."""

    exit_code = 5


def describe_exhausted(error: BaseException) -> str | None:
    """One line for an error that says memory or threads have run out; None for any other."""
    # PyTorch and OpenCV say so in words; their kinds of error have other meanings too.
    said = str(error).lower()
    if isinstance(error, MemoryError) or any(words in said for words in _NO_MEMORY):
        return (
            "there is not enough memory; close other programs, raise `ulimit -v`, or take "
            "smaller clips, batches (train.batch_size) or models, or fewer --workers"
        )
    if "can't start new thread" in said:
        return "no more threads can be started; close other programs, or raise `ulimit -u`"
    return None
