"""The errors a user can cause or mend; each kind carries the exit code of the command line."""

from __future__ import annotations


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
