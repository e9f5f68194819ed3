"""Choosing the alarm threshold of a run on normal video."""
