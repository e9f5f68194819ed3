"""Video inputs: files, cameras, streams and standard input."""
