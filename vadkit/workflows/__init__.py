"""What the commands do: a valid recipe or a run folder in, results out."""
