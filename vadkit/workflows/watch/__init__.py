"""Watching cameras with a run."""
