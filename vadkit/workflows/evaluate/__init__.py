"""Evaluating runs."""
