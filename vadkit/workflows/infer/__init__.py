"""Scoring video files with a run."""
