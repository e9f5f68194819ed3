"""The method fusion and its parts."""
