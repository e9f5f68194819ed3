"""Evaluate frame scores that other code has written."""
