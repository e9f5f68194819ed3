"""Learning from answers and from more normal video, without training from the start."""
