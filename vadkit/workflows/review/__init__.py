"""Reviewing the most unusual stretches of normal video."""
