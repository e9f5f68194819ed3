"""Clips of stored frames: which frames, in which order, as tensors."""
