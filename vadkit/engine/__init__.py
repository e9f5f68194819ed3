"""The trainer, and checkpoints."""
