"""The one trainer, and checkpoints."""
