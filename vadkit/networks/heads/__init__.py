"""Heads of weakly supervised methods: features of segments (B, T, D) become scores (B, T).

Each takes a bool mask (B, T), True for segments and False for padding, or None for bags without
padding. What padding contains never changes a result. Scores are probabilities in float32.
"""
