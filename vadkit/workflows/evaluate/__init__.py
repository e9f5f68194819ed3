"""Evaluating runs and scores of other code, and comparing them."""
