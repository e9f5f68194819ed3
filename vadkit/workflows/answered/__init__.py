"""Answered events as video: their frames, what a model says about them, and learning from them."""
