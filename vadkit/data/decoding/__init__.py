"""Video files and streams to frames, in child processes that may hang or crash."""
