"""Datasets: where the videos of a benchmark, or of a user, are and what is labelled."""
