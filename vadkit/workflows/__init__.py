"""The implementation of the commands: from a valid recipe or a run folder to results."""
