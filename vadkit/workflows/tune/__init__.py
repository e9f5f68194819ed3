"""Searching parameters without labels."""
