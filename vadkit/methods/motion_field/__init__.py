"""The method motion-field and its parts."""
