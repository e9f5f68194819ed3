"""The frame store: each video decoded once, kept as uint8."""
